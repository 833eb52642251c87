# ruff: noqa: D102 - settings are explained where they are defined
"""What a request must fulfil, and the dates that follow from it. Pure."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, Self
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber, holds_number, mask_digits
from unbind_broker.base.working_days import Deadline, WorkingTime
from unbind_broker.intake.asked import Asked, Consent, OwnWords
from unbind_broker.intake.refusals import (
    ActionNotOffered,
    OwnerSinceIsPortDate,
    PortedInNotCovered,
)
from unbind_broker.orders.states import Action, OrderKind, Scope

CLOCK_SKEW = timedelta(seconds=60)
"""How far a carrier's clock may run ahead of ours."""

EARLIEST_OWNER = date(1970, 1, 1)
_NUMBER_TAIL = 8
"""So many last digits tell a number, however its beginning is written or left out."""


class IntakeSettings(Protocol):
    """The settings of the installation, as far as intake goes by them."""

    @property
    def working_time(self) -> WorkingTime: ...
    @property
    def query_deadline(self) -> timedelta: ...
    @property
    def undo_window(self) -> timedelta: ...
    @property
    def consent_max_age(self) -> timedelta: ...
    @property
    def ported_in_since(self) -> date: ...
    @property
    def freeze(self) -> timedelta: ...
    @property
    def join_window(self) -> timedelta: ...
    @property
    def query_validity(self) -> timedelta: ...
    @property
    def open_orders_per_number(self) -> int: ...
    @property
    def refusals_per_day(self) -> int: ...


@dataclass(frozen=True)
class Policy:
    """The settings that intake goes by.

    ``freeze`` is how long a number rests before it is sold again, ``join_window`` how
    long a result answers equal requests, ``query_validity`` how long a query answers
    those of its carrier that repeat it, ``open_per_number`` how many queries and orders
    a carrier may have under way about one number, ``refusals_per_day`` how often it is
    usually refused because of others' holdings.
    """

    working_time: WorkingTime
    query_deadline: timedelta
    undo_window: timedelta
    consent_max_age: timedelta
    ported_in_since: date
    freeze: timedelta
    join_window: timedelta
    query_validity: timedelta
    open_per_number: int
    refusals_per_day: int

    @classmethod
    def of(cls, settings: IntakeSettings) -> Self:
        """Read it from the settings, for what is no rehearsal."""
        return cls(
            working_time=settings.working_time,
            query_deadline=settings.query_deadline,
            undo_window=settings.undo_window,
            consent_max_age=settings.consent_max_age,
            ported_in_since=settings.ported_in_since,
            freeze=settings.freeze,
            join_window=settings.join_window,
            query_validity=settings.query_validity,
            open_per_number=settings.open_orders_per_number,
            refusals_per_day=settings.refusals_per_day,
        )

    @property
    def zone(self) -> ZoneInfo:
        """Give the broker's time zone."""
        return self.working_time.zone


@dataclass(frozen=True)
class Interval:
    """Bindings made in ``[bound_from, bound_before)``; ``None`` is the beginning."""

    cutoff: datetime
    bound_from: datetime | None
    bound_before: datetime


def check_fields(asked: Asked, now: datetime, policy: Policy) -> None:
    """Raise ``InvalidFields`` for whatever can be told from the request alone."""
    today = now.astimezone(policy.zone).date()
    faults = {
        "/consent/at": _consent_fault(asked.consent, now, policy.consent_max_age),
        "/ported_in_on": _date_fault(asked.ported_in_on, today),
    }
    if isinstance(asked.about, OwnWords):
        faults |= {
            "/owner_since": _date_fault(asked.about.owner_since, today),
            "/platforms": _platforms_fault(asked.kind, asked.about),
            "/reference": _reference_fault(asked.reference, asked.about.number),
        }
    InvalidFields.check(faults)


def check_reference(reference: str | None, number: PhoneNumber) -> None:
    """Refuse a reference that holds the number, which a query told, or another one."""
    InvalidFields.check({"/reference": _reference_fault(reference, number)})


def check_port(ported_in_on: date | None, owner_since: date, policy: Policy) -> None:
    """Refuse numbers ported in too early, and port dates in ``owner_since``'s place.

    Raises ``PortedInNotCovered`` or ``OwnerSinceIsPortDate``.
    """
    if ported_in_on is None:
        return
    if ported_in_on < policy.ported_in_since:
        detail = f"numbers ported in before {policy.ported_in_since} are not covered"
        raise PortedInNotCovered(detail, (FieldError("/ported_in_on", detail),))
    if owner_since >= ported_in_on:
        detail = (
            f"expected a date before the port on {ported_in_on}: the first day on "
            "which the holder held the number at any carrier"
        )
        raise OwnerSinceIsPortDate(detail, (FieldError("/owner_since", detail),))


def check_action(action: Action | None, scope: Scope) -> None:
    """Refuse to close accounts that are not the holder's own."""
    if action is Action.CLOSE_ACCOUNT and scope is not Scope.CURRENT_OWNER:
        detail = "close_account is offered in scope current_owner only"
        raise ActionNotOffered(detail, (FieldError("/action", detail),))


def interval_of(
    scope: Scope, owner_since: date, now: datetime, zone: ZoneInfo
) -> Interval:
    """Find the bindings that a request made ``now`` is about.

    The end is a whole second, as everybody is told it.
    """
    cutoff = datetime.combine(owner_since, time.min, zone).astimezone(UTC)
    if scope is Scope.PREVIOUS_OWNER:
        return Interval(cutoff, None, cutoff)
    return Interval(cutoff, cutoff, now.replace(microsecond=0))


def deadline_of(kind: OrderKind, now: datetime, policy: Policy) -> Deadline:
    """Say by when platforms must have answered a request made ``now``."""
    if kind is OrderKind.QUERY:
        return Deadline(now + policy.query_deadline, provisional=False)
    return policy.working_time.deadline(now)


def held_until(
    kind: OrderKind, scope: Scope, now: datetime, policy: Policy
) -> datetime | None:
    """Say until when nothing is sent, so that holders can undo what touches them."""
    if kind is OrderKind.UNBIND and scope is Scope.CURRENT_OWNER:
        return now + policy.undo_window
    return None


def _consent_fault(consent: Consent, now: datetime, oldest: timedelta) -> str | None:
    if consent.at > now + CLOCK_SKEW:
        return f"expected an instant not in the future; it is {show_instant(now)} here"
    if consent.at < now - oldest:
        hours = oldest / timedelta(hours=1)
        return f"expected the holder to have been authenticated {hours:g} h ago at most"
    return None


def _date_fault(day: date | None, today: date) -> str | None:
    if day is None:
        return None
    if day > today:
        return f"expected a date not in the future; it is {today} here"
    if day < EARLIEST_OWNER:
        return f"expected a date from {EARLIEST_OWNER} on"
    return None


def _platforms_fault(kind: OrderKind, about: OwnWords) -> str | None:
    named = about.platforms
    if named is None:
        if kind is OrderKind.UNBIND and about.scope is Scope.CURRENT_OWNER:
            return "orders in scope current_owner must name their platforms"
        return None
    if not named:
        return "expected at least one platform; leave the field out to ask all"
    if len(set(named)) < len(named):
        twice = next(slug for slug in named if named.count(slug) > 1)
        found = mask_digits(twice)
        return f"expected each platform once, found {found} several times"
    return None


def _reference_fault(reference: str | None, number: PhoneNumber) -> str | None:
    # Lists are filtered by `reference` in the URL, where no number may stand.
    if number.e164[-_NUMBER_TAIL:] in _digits_of(reference or ""):
        return "expected a reference that does not hold the number"
    if holds_number(reference or ""):
        return "expected a reference that does not hold a phone number"
    return None


def _digits_of(text: str) -> str:
    """Read the digits of any script, Chinese numerals too, and nothing between them."""
    values = (unicodedata.numeric(one, -1.0) for one in unquote(text))
    return "".join(str(int(value)) for value in values if value in range(10))
