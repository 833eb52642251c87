"""Queries and orders: how they are asked for, and how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, Field

from unbind_broker.client.shapes import Page, Shape, instant

OVER = frozenset({"completed", "cancelled"})
"""Statuses of a query or an order after which no item changes by itself."""


@dataclass(frozen=True, slots=True)
class Consent:
    """How and when the holder was authenticated: at most 24 hours ago."""

    method: str
    """``sms_otp``, ``in_app``, ``in_store`` or ``real_name``."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Ask platforms which bindings a number has; left out: all platforms."""

    number: str = field(repr=False)
    owner_since: date
    consent: Consent
    scope: str | None = None
    platforms: Sequence[str] | None = None
    reference: str | None = None
    ported_in_on: date | None = None
    recheck: bool = False
    attestation: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbinding:
    """Have a number detached: by its own words, or by the ``query_id`` of a query."""

    consent: Consent
    number: str | None = field(default=None, repr=False)
    owner_since: date | None = None
    query_id: str | None = None
    scope: str | None = None
    platforms: Sequence[str] | None = None
    action: str | None = None
    reference: str | None = None
    ported_in_on: date | None = None
    recheck: bool = False
    attestation: str | None = field(default=None, repr=False)


def body_of(asked: Question | Unbinding) -> dict[str, Any]:
    """Write what is asked; fields that say nothing are left out."""
    # Built name by name: copies of dataclasses would show the number in their repr.
    body = {name: getattr(asked, name) for name in type(asked).__dataclass_fields__}
    consent = {"method": asked.consent.method, "at": instant(asked.consent.at)}
    body |= {"consent": consent, "recheck": asked.recheck or None}
    if asked.platforms is not None:
        body["platforms"] = list(asked.platforms)
    return {name: _written(told) for name, told in body.items() if told is not None}


def _written(told: object) -> object:
    return told.isoformat() if isinstance(told, date) else told


class Sensitive(Shape):
    """Sensitive platforms: counted, never named."""

    total: int = 0
    finished: int = 0


class Violation(Shape):
    """The platform removed what lay outside the interval; it is being undone."""

    raised_at: AwareDatetime
    restore_order_id: str | None = None


class Item(Shape):
    """One platform's part."""

    platform: str
    platform_name: str
    status: str
    reason: str | None = None
    detail: str | None = None
    attempts: int = 0
    acknowledged_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    bindings: int | None = None
    removed: int | None = None
    kept: int | None = None
    restorable_until: AwareDatetime | None = None
    action: str | None = None
    action_url: str | None = None
    expected_at: AwareDatetime | None = None
    cooling_off_until: AwareDatetime | None = None
    late: bool = False
    overdue: bool = False
    violation: Violation | None = None


class ListedOrder(Shape):
    """A query or an order as lists show it: without its items."""

    id: str
    kind: str
    status: str
    number: str
    """Masked by the broker."""
    owner_since: date
    cutoff: AwareDatetime
    scope: str
    action: str | None = None
    carrier: str
    reference: str | None = None
    created_at: AwareDatetime
    held_until: AwareDatetime | None = None
    held_for: str | None = None
    deadline: AwareDatetime
    completed_at: AwareDatetime | None = None
    summary: dict[str, int]
    sensitive: Sensitive = Field(default_factory=Sensitive)

    @property
    def is_over(self) -> bool:
        """Tell whether it is completed or cancelled."""
        return self.status in OVER


class Order(ListedOrder):
    """A query or an order, platform by platform."""

    items: list[Item]


class OrderPage(Page[ListedOrder]):
    """Orders, newest first."""
