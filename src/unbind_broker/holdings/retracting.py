"""What remains when a wrong holding is taken back. Pure."""

from dataclasses import replace
from datetime import date

from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.holding import History, Holding, latest_of, live_of, swap
from unbind_broker.holdings.states import Ended

_ENDED_BY_OTHERS = frozenset({Ended.SUPERSEDED, Ended.TAKEN_OVER})


def without(
    history: History, carrier_id: CarrierId, since: date | None
) -> tuple[History, Holding | None]:
    """Leave out what a carrier told of a holder.

    The second part is the holding that lives again: the one that was ended by the wrong
    word only, unless another carrier knows that holder too.
    """
    left = tuple(
        one for one in history if (one.carrier_id, one.since) != (carrier_id, since)
    )
    for one in left:
        if one.ended is Ended.SUPERSEDED:
            left = swap(left, one, replace(one, until=_followed_on(left, one)))
    latest = latest_of(left)
    if latest is None or live_of(left) or latest.ended not in _ENDED_BY_OTHERS:
        return left, None
    again = replace(latest, ended=None, until=None)
    return swap(left, latest, again), again


def _followed_on(history: History, holding: Holding) -> date | None:
    """Find the day on which the next holder began; the last one keeps its own."""
    later = [
        one.holder_from for one in history if one.holder_from > holding.holder_from
    ]
    return min(later, default=holding.until)
