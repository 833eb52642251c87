"""What a carrier asks for, read but not judged yet."""

from dataclasses import dataclass, field
from datetime import date, datetime

from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.orders.idempotency import Repeatable
from unbind_broker.orders.states import Action, ConsentMethod, OrderKind, Scope


@dataclass(frozen=True)
class AskingCarrier:
    """Who asks; ``actor`` is its name in the audit trail."""

    id: CarrierId
    actor: str


@dataclass(frozen=True)
class Consent:
    """How and when the carrier authenticated the holder."""

    method: ConsentMethod
    at: datetime


@dataclass(frozen=True)
class OwnWords:
    """The request itself says whom it is about; no ``platforms`` means all."""

    number: PhoneNumber
    owner_since: date
    scope: Scope
    platforms: tuple[str, ...] | None


@dataclass(frozen=True)
class AfterQuery:
    """The request follows a query, and is about the same number."""

    query_id: OrderId


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A query or an order that a carrier wants placed.

    ``recheck`` asks platforms again where an earlier result could be joined.
    ``attestation`` is the carrier's signed word, which names the number.
    """

    kind: OrderKind
    about: OwnWords | AfterQuery
    consent: Consent
    action: Action | None = None
    ported_in_on: date | None = None
    reference: str | None = None
    recheck: bool = False
    attestation: str | None = field(default=None, repr=False)
    repeatable: Repeatable | None = None
