"""What a carrier's events make of the ledger, and why some are rejected. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from unbind_broker.holdings.ending import end
from unbind_broker.holdings.holding import (
    History,
    Holding,
    Limits,
    latest_of,
    live_of,
    not_given_up,
    swap,
)
from unbind_broker.holdings.judgements import Duplicate, Heard, Judgement, Told
from unbind_broker.holdings.rejections import (
    CONTRADICTED,
    ELSEWHERE,
    FREEZE_OVER,
    NEWER,
    OVER,
    UNKNOWN,
    Rejection,
)
from unbind_broker.holdings.states import Began, Ended, HoldingEvent

__all__ = ["Duplicate", "Heard", "Judgement", "Told", "hear"]


def hear(history: History, told: Told, now: datetime, limits: Limits) -> Judgement:
    """Judge one event, which does not lie in the future."""
    match told.event:
        case HoldingEvent.ACTIVATED | HoldingEvent.TRANSFERRED:
            return _new_holder(history, told, now, limits)
        case HoldingEvent.DISCONNECTED | HoldingEvent.PORTED_OUT:
            return end(history, told, now, limits)
        case HoldingEvent.PORTED_IN:
            return _port_in(history, told, now)
        case HoldingEvent.RESUMED:
            return _resume(history, told, now, limits)
        case _:
            assert_never(told.event)


def _new_holder(
    history: History, told: Told, now: datetime, limits: Limits
) -> Judgement:
    began = Began(told.event.value)
    known = _first(
        one
        for one in history
        if one.carrier_id == told.carrier_id and one.since == told.on
    )
    if known is not None:
        return _known_beginning(history, known, told, began)
    against = _against_beginning(history, told, now, limits)
    if against is not None:
        return against
    live, ended = live_of(history), None
    if live is not None:
        moved = began is Began.TRANSFERRED and live.carrier_id == told.carrier_id
        why = Ended.TRANSFERRED if moved else Ended.SUPERSEDED
        ended = replace(live, ended=why, until=told.on)
        history = swap(history, live, ended)
    elif began is Began.TRANSFERRED and told.own(history):
        return OVER
    new = told.begin(told.on, began, now)
    before = told.on if history else None
    return Heard((*history, new), ended, superseded_before=before)


def _known_beginning(
    history: History, known: Holding, told: Told, began: Began
) -> Judgement:
    """Let an event confirm a beginning that was only attested."""
    if known.began in {Began.ACTIVATED, Began.TRANSFERRED}:
        return Duplicate()
    if known.began is not Began.ATTESTED or known.from_on not in {None, told.on}:
        return CONTRADICTED
    history = swap(history, known, replace(known, began=began, from_on=told.on))
    before = _first(one for one in told.own(history) if _left_for(one, told.on))
    if began is Began.TRANSFERRED and before is not None:
        history = swap(history, before, replace(before, ended=Ended.TRANSFERRED))
    return Heard(history)


def _against_beginning(
    history: History, told: Told, now: datetime, limits: Limits
) -> Rejection | None:
    newer = _newer_known(history, told)
    if newer is not None:
        return newer
    latest = live_of(history) or latest_of(history)
    if latest is None:
        return None
    if not_given_up(history, told.carrier_id, now, limits):
        return ELSEWHERE
    here = latest.carrier_id == told.carrier_id
    fresh = latest.is_live and now - latest.confirmed_at < limits.freeze
    rests_longer = latest.until is not None and latest.until > told.on
    if not here and (fresh or rests_longer or _is_other_since(history, told)):
        return ELSEWHERE
    return OVER if here and rests_longer else None


def _newer_known(history: History, told: Told) -> Rejection | None:
    """Refuse a day before something newer.

    Whether that is newer says of another carrier's holding since when it is, so the
    answer is the one that its being there gets.
    """
    newer = [one for one in history if one.starts_on > told.on]
    if not newer:
        return None
    return NEWER if told.own(tuple(newer)) else ELSEWHERE


def _is_other_since(history: History, told: Told) -> bool:
    """Tell whether another carrier knows a holder who began on this very day."""
    return any(one.since == told.on for one in history)


def _port_in(history: History, told: Told, now: datetime) -> Judgement:
    own = told.own(history)
    if any(one.began is Began.PORTED_IN and one.from_on == told.on for one in own):
        return Duplicate()
    newer = _newer_known(history, told)
    if newer is not None:
        return newer
    live, ended, since = live_of(history), None, None
    if live is not None and live.carrier_id == told.carrier_id:
        return _port_known(history, live, told)
    before = live or latest_of(history)
    if live is not None:
        ended = replace(live, ended=Ended.TAKEN_OVER, until=told.on)
        history = swap(history, live, ended)
    elif before is not None and before.until is not None and before.until > told.on:
        return OVER if before.carrier_id == told.carrier_id else ELSEWHERE
    if before is not None and (live or before.is_ported_away):
        since = before.since
    new = told.begin(since, Began.PORTED_IN, now)
    return Heard((*history, new), ended)


def _port_known(history: History, live: Holding, told: Told) -> Judgement:
    """Let an event tell the day of a port that was only attested."""
    if live.from_on not in {None, told.on} or live.since == told.on:
        return CONTRADICTED
    if live.began not in {Began.ATTESTED, Began.PORTED_IN}:
        return CONTRADICTED
    dated = replace(live, from_on=told.on, began=Began.PORTED_IN)
    return Heard(swap(history, live, dated))


def _resume(history: History, told: Told, now: datetime, limits: Limits) -> Judgement:
    own = told.own(history)
    if any(one.began is Began.RESUMED and one.from_on == told.on for one in own):
        return Duplicate()
    against = _against_resuming(history, own, told, limits)
    if against is not None:
        return against
    new = told.begin(own[-1].since, Began.RESUMED, now)
    return Heard((*history, new))


def _against_resuming(
    history: History, own: History, told: Told, limits: Limits
) -> Rejection | None:
    if not own:
        return UNKNOWN
    if live_of(own):
        return CONTRADICTED
    former = own[-1]
    if former.ended is not Ended.DISCONNECTED or former.until is None:
        return ELSEWHERE if former.ended is Ended.TAKEN_OVER else OVER
    later = any(one.holder_from > former.holder_from for one in history)
    if later or live_of(history) or told.on < former.until:
        return NEWER
    return FREEZE_OVER if told.on - former.until > limits.freeze else None


def _left_for(holding: Holding, day: date) -> bool:
    return holding.ended is Ended.SUPERSEDED and holding.until == day


def _first(found: Iterable[Holding]) -> Holding | None:
    return next(iter(found), None)
