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


def swap(history: History, old: Holding, new: Holding) -> History:
    """Put ``new`` in the place of ``old``."""
    return tuple(new if one is old else one for one in history)
