"""What a carrier tells of a number, and what can come of it."""

from dataclasses import dataclass
from datetime import date, datetime

from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.holding import History, Holding
from unbind_broker.holdings.rejections import Rejection
from unbind_broker.holdings.states import Began, HoldingEvent


@dataclass(frozen=True)
class Told:
    """A carrier says what happened to one of its numbers, and on which day."""

    carrier_id: CarrierId
    event: HoldingEvent
    on: date

    def own(self, history: History) -> History:
        """Find what this carrier itself told."""
        return tuple(one for one in history if one.carrier_id == self.carrier_id)

    def begin(self, since: date | None, began: Began, now: datetime) -> Holding:
        """Begin a stretch at this carrier, of the holder since a day."""
        return Holding(
            carrier_id=self.carrier_id,
            since=since,
            from_on=self.on,
            began=began,
            confirmed_at=now,
            recorded_at=now,
        )


@dataclass(frozen=True)
class Heard:
    """What an event changed.

    ``ended`` is the holding that it ended. Open orders of holders before
    ``superseded_before`` end, and those of the holder since ``disconnected_since``, but
    not those of the carriers ``spared``, which have not given this holder up.
    """

    history: History
    ended: Holding | None = None
    superseded_before: date | None = None
    disconnected_since: date | None = None
    spared: frozenset[CarrierId] = frozenset()


@dataclass(frozen=True)
class Duplicate:
    """An event that tells nothing new."""


Judgement = Heard | Duplicate | Rejection
