"""What becomes of the ledger when a carrier tells that a holder left it. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from unbind_broker.holdings.holding import (
    History,
    Holding,
    Limits,
    latest_of,
    left_elsewhere,
    live_of,
    spared_by,
    swap,
)
from unbind_broker.holdings.judgements import Duplicate, Heard, Judgement, Told
from unbind_broker.holdings.rejections import (
    ELSEWHERE,
    NEWER,
    OVER,
    UNKNOWN,
    Rejection,
)
from unbind_broker.holdings.states import Began, Ended, HoldingEvent


def end(history: History, told: Told, now: datetime, limits: Limits) -> Judgement:
    """Judge a disconnection, or a port to another carrier."""
    ended = Ended(told.event.value)
    own = told.own(history)
    if any(one.ended is ended and one.until == told.on for one in own):
        return Duplicate()
    held = _held_on(own, told.on) or _taken_over(own, told)
    if held is None:
        back = _came_back(history, told, limits)
        return _why_not_ended(own) if back is None else _gone(history, back, told, now)
    over = replace(held, ended=ended, until=told.on)
    after = swap(history, held, over)
    if held.is_live and ended is Ended.DISCONNECTED:
        spared = spared_by(history, over, now, limits)
        return Heard(after, over, disconnected_since=over.since, spared=spared)
    left = left_elsewhere(after, over)
    if ended is Ended.PORTED_OUT and left is not None:
        spared = spared_by(after, left, now, limits)
        return Heard(after, over, disconnected_since=left.since, spared=spared)
    return Heard(after, over)


def _held_on(own: History, day: date) -> Holding | None:
    """Find the stretch that can have ended on this day.

    Of two that meet on it the former one: a day's events end no later holder's orders.
    """
    return _first(
        one
        for one in own
        if one.starts_on <= day
        and (
            one.is_live
            or (
                one.ended is Ended.SUPERSEDED
                and one.until is not None
                and day <= one.until
            )
        )
    )


def _taken_over(own: History, told: Told) -> Holding | None:
    """Find what only another carrier said was ported, now that this one says so."""
    if told.event is not HoldingEvent.PORTED_OUT:
        return None
    return _first(
        one
        for one in reversed(own)
        if one.ended is Ended.TAKEN_OVER and one.starts_on <= told.on
    )


def _came_back(history: History, told: Told, limits: Limits) -> Holding | None:
    """Find whom this carrier lost to one that never told, if he gave the number up.

    Ported numbers come back to the carrier whose range they are of. Within the freeze a
    disconnection passes for the account that the port itself closed.
    """
    last = latest_of(history)
    if told.event is not HoldingEvent.DISCONNECTED or live_of(history) or last is None:
        return None
    lost = last.carrier_id == told.carrier_id and last.ended is Ended.PORTED_OUT
    rested = last.until is not None and told.on - last.until >= limits.freeze
    return last if lost and rested else None


def _gone(history: History, lost: Holding, told: Told, now: datetime) -> Heard:
    back = told.begin(lost.since, Began.PORTED_IN, now)
    gone = replace(back, ended=Ended.DISCONNECTED, until=told.on)
    return Heard((*history, gone), gone, disconnected_since=gone.since)


def _why_not_ended(own: History) -> Rejection:
    """Say it by what the carrier itself told: it may not ask who else holds numbers."""
    if not own:
        return UNKNOWN
    if any(one.is_live or one.ended is Ended.SUPERSEDED for one in own):
        return NEWER
    taken = any(one.ended is Ended.TAKEN_OVER for one in own)
    return ELSEWHERE if taken else OVER


def _first(found: Iterable[Holding]) -> Holding | None:
    return next(iter(found), None)
