"""Let the next wave of a clearance go out, unless the first one speaks against it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.clearances.publishing import Sought, publish_wave, refuse_held
from unbind_broker.clearances.states import StopReason
from unbind_broker.clearances.waves import (
    DueWave,
    HeldTime,
    InUse,
    count_in_use,
    count_refused,
    give_held_time,
    give_time,
    lock_due,
    note_checked,
    stop,
)
from unbind_broker.notices.clearing import tell_stopped

MOST_HELD = 100
"""Clearances that get more time in one step."""


@dataclass(frozen=True)
class Waved:
    """What one step did: waves that went out, clearances that stopped.

    ``is_idle``: no wave was due.
    """

    published: int = 0
    stopped: list[UUID] = field(default_factory=list)
    is_idle: bool = False


@dataclass(frozen=True)
class WavingPolicy:
    """The settings that waves go by; ``sandbox_time`` is for what is rehearsed."""

    stop_share: float
    working_time: WorkingTime
    sandbox_time: WorkingTime
    freeze: timedelta


async def publish_due(
    db: Db, now: datetime, policy: WavingPolicy, places: int
) -> Waved:
    """Take a wave that is due one step further: look at ``places``, the last time send.

    Whoever has come to hold a number since it was put in keeps what is his; who comes
    between the steps is seen when numbers are read. Platforms get the whole time for
    each wave. A clearance stops where more than a share of its first wave is in use.
    """
    await _wait_for_held(db, now, policy)
    due = await lock_due(db, now)
    if due is None:
        return Waved(is_idle=True)
    found = await count_in_use(db, due.wave.clearance_id)
    if found.exceeds(policy.stop_share) and not due.overruled:
        await _stop(db, now, due, found)
        return Waved(stopped=[due.wave.clearance_id])
    sought = Sought(due.wave.clearance_id, due.carrier_id, now - policy.freeze)
    reached = due.checked_to + places
    await refuse_held(db, now, sought, due.checked_to, reached)
    if reached < due.wave.last_place:
        await note_checked(db, due.wave, reached)
        return Waved()
    time = policy.sandbox_time if due.rehearsed else policy.working_time
    await give_time(db, due.wave.clearance_id, time.deadline(now).at)
    await _publish(db, now, due)
    return Waved(published=1)


async def _wait_for_held(db: Db, now: datetime, policy: WavingPolicy) -> None:
    """Keep time from passing for what platforms may not read at present.

    Its numbers would be released unasked otherwise. A rehearsal's short time, counted
    from now, is later at every look: it moves when half of it is over.
    """
    short = policy.sandbox_time.deadline(now).at
    usual, half = policy.working_time.deadline(now).at, now + (short - now) / 2
    until = HeldTime(usual, rehearsed=short, least=half)
    held = [
        {
            "clearance": format_id(Prefix.CLEARANCE, one),
            "deadline": show_instant(deadline),
        }
        for one, deadline in await give_held_time(db, until, MOST_HELD)
    ]
    action = "clearance.deadline_moved"
    await record(db, now, *(Fact("broker", action, facts=facts) for facts in held))


async def _publish(db: Db, now: datetime, due: DueWave) -> None:
    platforms = await publish_wave(db, now, due.wave)
    facts = {
        **_named(due),
        "numbers": due.wave.numbers,
        "refused": await count_refused(db, due.wave.clearance_id),
        "platforms": platforms,
    }
    await record(db, now, Fact("broker", "clearance.wave_published", facts=facts))


async def _stop(db: Db, now: datetime, due: DueWave, found: InUse) -> None:
    why = StopReason.ACTIVE_AFTER_CUTOFF
    stopped = await stop(db, now, due.wave.clearance_id, why)
    await tell_stopped(db, now, stopped, why)
    facts = {
        **_named(due),
        "reason": why.value,
        "in_use": found.numbers,
        "of": found.of,
    }
    await record(db, now, Fact("broker", "clearance.stopped", facts=facts))


def _named(due: DueWave) -> dict[str, object]:
    shown = format_id(Prefix.CLEARANCE, due.wave.clearance_id)
    return {"clearance": shown, "wave": due.wave.wave}
