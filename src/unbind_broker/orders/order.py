"""An order as it is written down when it is accepted."""

from dataclasses import dataclass, field
from datetime import date, datetime

from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.orders.states import (
    Action,
    ConsentMethod,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One row of ``orders``; ``[bound_from, bound_before)`` is what it is about.

    ``traceparent`` names what placed it, where that is traced.
    """

    id: OrderId
    kind: OrderKind
    status: OrderStatus
    carrier_id: CarrierId
    scope: Scope
    action: Action | None
    number_sealed: bytes
    number_index: bytes
    owner_since: date
    ported_in_on: date | None
    cutoff: datetime
    bound_from: datetime | None
    bound_before: datetime
    consent_method: ConsentMethod
    consent_at: datetime
    reference: str | None
    query_id: OrderId | None
    recheck: bool
    created_at: datetime
    held_until: datetime | None
    held_for: HoldReason | None
    deadline: datetime
    deadline_provisional: bool
    attestation_sealed: bytes | None = field(default=None, repr=False)
    traceparent: str | None = None
