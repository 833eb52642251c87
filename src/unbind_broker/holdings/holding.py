"""One stretch of one holder at one carrier, and what the ledger can say of several."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.states import Began, Ended


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One row that counts. A holder is told apart by ``since``.

    ``since`` is None where the port of an unknown holder was told; ``from_on``, the
    first day at this carrier, where nobody told it. A new one has no ``id`` yet.
    """

    id: int | None = None
    carrier_id: CarrierId
    since: date | None
    from_on: date | None
    until: date | None = None
    began: Began
    ended: Ended | None = None
    order_id: UUID | None = None
    confirmed_at: datetime
    recorded_at: datetime

    @property
    def is_live(self) -> bool:
        """Tell whether this is where the number is held now."""
        return self.ended is None

    @property
    def is_ported_away(self) -> bool:
        """Tell whether the same holder went on at another carrier."""
        return self.ended in {Ended.PORTED_OUT, Ended.TAKEN_OVER}

    @property
    def was_claimed(self) -> bool:
        """Tell whether a query or an order named this stretch."""
        return self.order_id is not None or self.confirmed_at != self.recorded_at

    @property
    def starts_on(self) -> date:
        """Give the first day of this stretch, as far as it is known."""
        return self.from_on or self.since or date.min

    @property
    def holder_from(self) -> date:
        """Give the day by which holders follow each other.

        Of an unknown one it is the latest on which it can have begun.
        """
        return self.since or self.starts_on


History = tuple[Holding, ...]
"""What counts about one number, in the order in which it became known."""


@dataclass(frozen=True)
class Limits:
    """The settings that ownership goes by.

    ``freeze`` is how long a holder counts as confirmed and a number rests before it is
    sold again, ``undo_window`` how long a dispute holds orders back.
    """

    freeze: timedelta
    undo_window: timedelta
    zone: ZoneInfo

    def today(self, now: datetime) -> date:
        """Give the day that it is in the broker's time zone."""
        return now.astimezone(self.zone).date()


def live_of(history: Iterable[Holding]) -> Holding | None:
    """Find the holding that has not ended; there is at most one."""
    return next((one for one in history if one.is_live), None)


def latest_of(history: Iterable[Holding]) -> Holding | None:
    """Find the last stretch of the last holder."""
    indexed = enumerate(history)
    found = max(indexed, key=lambda one: (one[1].holder_from, one[0]), default=None)
    return None if found is None else found[1]


def not_given_up(
    history: History, taker: CarrierId, at: datetime, limits: Limits
) -> History:
    """Find what other carriers held lately and ``taker`` says was ported to it.

    Their silence proves no port: nobody ends a holder elsewhere by saying so. A carrier
    that itself never gave the holder up takes back what is its own.
    """
    kept: set[date | None] = set()
    found = []
    for one in history:
        if one.carrier_id == taker:
            gave_up = one.ended in {Ended.PORTED_OUT, Ended.DISCONNECTED}
            (kept.discard if gave_up else kept.add)(one.since)
        elif (
            one.ended is Ended.TAKEN_OVER
            and one.since not in kept
            and at - one.confirmed_at < limits.freeze
        ):
            found.append(one)
    return tuple(found)


def swap(history: History, old: Holding, new: Holding) -> History:
    """Put ``new`` in the place of ``old``."""
    return tuple(new if one is old else one for one in history)


def spared_by(
    history: History, gone: Holding, at: datetime, limits: Limits
) -> frozenset[CarrierId]:
    """Name the carriers whose orders a disconnection does not end."""
    others = not_given_up(history, gone.carrier_id, at, limits)
    return frozenset(one.carrier_id for one in others if one.since == gone.since)


def left_elsewhere(history: History, ported: Holding) -> Holding | None:
    """Find where a holder gave the number up after a port that is told only now.

    That carrier's word begins to count when the one that lost him tells the port.
    """
    latest = latest_of(history)
    if latest is None or latest.since != ported.since or live_of(history):
        return None
    stretches = enumerate(one for one in history if one.since == ported.since)
    _, last = max(stretches, key=lambda one: (one[1].until or date.min, one[0]))
    return last if last.ended is Ended.DISCONNECTED else None
