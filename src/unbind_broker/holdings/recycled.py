"""Whether a number has passed to somebody else since a day. Pure.

The question of CAMARA NumberRecycling 0.2, with its answers: on the day on which a
contract began nothing has changed yet; a day on which nobody held the number counts as
changed. A port, told by either carrier, changes no holder.
"""

from datetime import date

from unbind_broker.holdings.holding import History, Holding, latest_of, live_of
from unbind_broker.holdings.states import Ended


def was_recycled(history: History, on: date) -> bool | None:
    """Tell whether whoever held the number ``on`` that day holds it no more.

    ``on`` does not lie in the future. None where the ledger cannot tell: nothing is
    known, or the holder of that day went on where nobody tells what followed.
    """
    last = live_of(history) or latest_of(history)
    if last is None:
        return None
    if not (last.is_live or last.is_ported_away):
        return True
    stretches = _stretches_of(last, history)
    if on < min(one.since or one.starts_on for one in stretches):
        return _before(history, stretches, on)
    if last.is_ported_away:
        return None
    return _rested_on(on, stretches)


def last_former(history: History) -> Holding | None:
    """Find the last stretch of the last holder who holds the number no more.

    Whoever went on at another carrier is no former holder.
    """
    last = live_of(history) or latest_of(history)
    if last is None or not (last.is_live or last.is_ported_away):
        return last
    present = _stretches_of(last, history)
    return latest_of(one for one in history if one not in present)


def _stretches_of(last: Holding, history: History) -> History:
    """Find all stretches of the last holder.

    Unknown ones are told apart by the ports that link their stretches.
    """
    if last.since is not None:
        return tuple(one for one in history if one.since == last.since)
    linked = [last]
    for one in reversed(history):
        if one is last:
            continue
        if one.since is not None or not one.is_ported_away:
            break
        linked.insert(0, one)
    return tuple(linked)


def _before(history: History, stretches: History, on: date) -> bool | None:
    """Judge a day before the last holder is known to have begun.

    An unknown one may have held the number then, unless somebody else did, or did so
    later.
    """
    if any(one.since is not None for one in stretches):
        return True
    others = (one for one in history if one not in stretches)
    later = any(one.until is not None and on < one.until for one in others)
    return True if later else None


def _rested_on(day: date, stretches: History) -> bool:
    """Tell whether the holder had given the number up on this day, and came back."""
    begun = [one for one in stretches if (one.from_on or one.since or day) <= day]
    if not begun or any(one.until is None or day < one.until for one in begun):
        return False
    latest = max(begun, key=lambda one: one.until or day)
    return latest.ended is Ended.DISCONNECTED
