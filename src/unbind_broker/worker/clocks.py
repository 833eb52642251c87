"""What happens because time passes: one worker at a time does each of it."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.carriers.marks import prune_marks
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.recounting import recount_provisional
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deadlines.suspending import (
    Suspension,
    call_back_suspended,
    find_suspensions,
)
from unbind_broker.deadlines.sweeping import (
    MOST_FOUND,
    SweepPosition,
    find_open,
    sweep_unsettled,
)
from unbind_broker.deadlines.upkeep import (
    make_partitions,
    prune_abandoned,
    prune_attestations,
    prune_idempotency,
    prune_log,
)
from unbind_broker.keys.spent import prune_spent
from unbind_broker.notices.ending import settle
from unbind_broker.sending.contents import KEPT_TRYING
from unbind_broker.worker.turns import Turn, is_ours

log = logging.getLogger(__name__)

MOST_ORDERS = 500
MOST_ROWS = 10_000
SWEEP_EVERY = timedelta(minutes=1)
UPKEEP_EVERY = timedelta(minutes=1)
RECOUNT_EVERY = timedelta(hours=1)
ABANDONED_EVERY = timedelta(hours=1)
SUSPENDED_EVERY = timedelta(seconds=5)
MOST_CALLED_BACK = 100
STRAGGLING = timedelta(minutes=5)
"""How long after a suspension a call that was let in before may still be under way."""


@dataclass(frozen=True)
class Clocks:
    """What ends, goes on or is counted again because its time has come."""

    engine: AsyncEngine
    clock: Clock
    scan_interval: timedelta
    idempotency_kept: timedelta
    working_time: WorkingTime

    def steps(self, released: Callable[[], None]) -> dict[str, Step]:
        """Name the steps; ``released`` is called when held orders were let go."""
        sweep = _Sweep(self)
        return {
            "expire": self.expire,
            "release": lambda: self.release(released),
            "sweep": sweep.step,
            "upkeep": self.upkeep,
            "recount": self.recount,
            "abandoned": self.abandoned,
            "suspended": _Suspended(self).step,
        }

    async def expire(self) -> float:
        """End what is overdue, then settle its orders."""
        now = self.clock.now()
        ended: Collection[UUID] = ()
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.EXPIRE):
                ended = await expire_overdue(db, now, MOST_ORDERS)
        if ended:
            async with self.engine.begin() as db:
                await settle(db, now, ended)
        return self._pause(len(ended), MOST_ORDERS, self.scan_interval)

    async def release(self, released: Callable[[], None]) -> float:
        """Let held orders go whose window has passed."""
        freed: Collection[UUID] = ()
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.RELEASE):
                freed = await release_held(db, self.clock.now(), MOST_ORDERS)
        if freed:
            released()
        return self._pause(len(freed), MOST_ORDERS, self.scan_interval)

    async def upkeep(self) -> float:
        """Make partitions ahead, and delete what nobody reads any more."""
        now = self.clock.now()
        pruned = 0
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.UPKEEP):
                await make_partitions(db, now)
                pruned = await prune_log(db, now, MOST_ROWS)
                pruned += await prune_idempotency(
                    db, now, self.idempotency_kept, MOST_ROWS
                )
                pruned += await prune_attestations(db, now, MOST_ROWS)
                pruned += await prune_marks(db, MOST_ROWS)
                pruned += await prune_spent(db, now, MOST_ROWS)
        return self._pause(pruned, MOST_ROWS, UPKEEP_EVERY)

    async def abandoned(self) -> float:
        """Delete what was to be sent to endpoints that stay parked, and tell of it."""
        now, pruned = self.clock.now(), 0
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.ABANDONED):
                pruned = await prune_abandoned(db, now, KEPT_TRYING, MOST_ROWS)
        if pruned:
            log.info("deliveries_abandoned", extra={"rows": pruned})
        return self._pause(pruned, MOST_ROWS, ABANDONED_EVERY)

    async def recount(self) -> float:
        """Count deadlines again whose year had no published holidays yet."""
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.RECOUNT):
                await recount_provisional(db, self.clock.now(), self.working_time)
        return RECOUNT_EVERY.total_seconds()

    @staticmethod
    def _pause(done: int, most: int, every: timedelta) -> float:
        return 0.0 if done >= most else every.total_seconds()


class _Sweep:
    """Walk over the open orders in steps, again and again."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._ahead: list[UUID] = []  # found, and not looked at yet
        self._position: SweepPosition | None = None

    async def step(self) -> float:
        now = self._clocks.clock.now()
        async with self._clocks.engine.begin() as db:
            if not await is_ours(db, Turn.SWEEP):
                return SWEEP_EVERY.total_seconds()
            found, position = self._ahead, self._position
            if not found:
                found, position = await find_open(db, position, MOST_FOUND)
            await sweep_unsettled(db, now, found[:MOST_ORDERS])
        self._ahead, self._position = found[MOST_ORDERS:], position
        is_end = not self._ahead and position is None
        return SWEEP_EVERY.total_seconds() if is_end else 0.05


class _Suspended:
    """Call back what suspended carriers have open.

    Whose orders were all seen closed long enough after its suspension is not looked at
    again: nothing new can have come.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._done: set[Suspension] = set()

    async def step(self) -> float:
        now = self._clocks.clock.now()
        async with self._clocks.engine.begin() as db:
            if not await is_ours(db, Turn.SUSPENDED):
                return SUSPENDED_EVERY.total_seconds()
            suspended = await find_suspensions(db)
            self._done &= suspended
            pending = suspended - self._done
            carriers = [one.carrier_id for one in pending]
            found = 0
            if carriers:
                found = await call_back_suspended(db, now, carriers, MOST_CALLED_BACK)
        if found < MOST_CALLED_BACK:
            self._done |= {one for one in pending if one.changed_at + STRAGGLING <= now}
        return 0.0 if found >= MOST_CALLED_BACK else SUSPENDED_EVERY.total_seconds()
