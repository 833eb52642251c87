"""A worker: lease endpoints, read, send, record, keep the clocks; stop gracefully."""

import asyncio
import logging
import socket
from collections.abc import Callable, Collection
from time import monotonic

from unbind_broker.base.ids import WorkerId, new_fraction, new_uuid7
from unbind_broker.base.loop import Loop, Step, break_off
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.callbacks.results import Applying
from unbind_broker.deliveries.breaker import BreakerPolicy
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.metrics.of_worker import AtWork
from unbind_broker.runtime.open_files import raise_open_files
from unbind_broker.runtime.opening import Runtime
from unbind_broker.sending import leases
from unbind_broker.sending.again import AgainReader
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.known_endpoints import KnownEndpoints
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.outbound import Outbound, open_outbound
from unbind_broker.sending.reach import Reach
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.reading import LogReader
from unbind_broker.sending.recorder import Recorder
from unbind_broker.sending.sender import Sender, SenderParts
from unbind_broker.sending.taking_effect import InForce
from unbind_broker.sending.tallies import SendingTallies
from unbind_broker.sending.tenure import Tenant, Tenure
from unbind_broker.sending.verdicts import Plans
from unbind_broker.worker.clock_watch import ClockWatch
from unbind_broker.worker.due_watch import DueWatch
from unbind_broker.worker.liveness import Liveness
from unbind_broker.worker.polling import Polling
from unbind_broker.worker.timed import timed_steps

log = logging.getLogger(__name__)

STEP_LIMIT = 30.0
"""Seconds after which a step that hangs, as on a database that is cut off, is broken
off and tried again."""

ENDING_LIMIT = 5.0
"""Seconds that steps under way have to end by themselves, and then the leases to be
given back; a database that is away must not hold up the end."""

REFRESH_SECONDS = 1.0
LONGEST_PAUSE = 0.5
"""Seconds between two looks for what is to be sent, or has been changed, while nothing
is."""


async def run_worker(
    runtime: Runtime,
    stopping: asyncio.Event,
    *,
    worker_id: WorkerId | None = None,
    dead_predecessors: Collection[WorkerId] = (),
    liveness: Liveness | None = None,
    exposition: Exposition | None = None,
) -> None:
    """Work until ``stopping`` is set, then give everything back.

    ``dead_predecessors`` are workers known to have died: their endpoints are free at
    once. Faults, the database's absence among them, never end a worker. ``liveness``
    is told of its loops, ``exposition`` of its counts. Cancelled, it breaks off what is
    under way and ends within a few seconds: what was sent and not recorded will be sent
    again.
    """
    raise_open_files()
    worker = worker_id or WorkerId(new_uuid7(runtime.clock.now()))
    policy = runtime.settings.url_policy
    async with open_outbound(
        policy, runtime.clock.now, look_up=runtime.look_up
    ) as outbound:
        at_work = _Worker(runtime, worker, outbound, dead_predecessors)
        if exposition is not None:
            exposition.show_worker(at_work.shown)
        await at_work.run(stopping, liveness)


class _Worker:
    def __init__(
        self,
        runtime: Runtime,
        worker: WorkerId,
        outbound: Outbound,
        dead: Collection[WorkerId],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        settings, now = runtime.settings, runtime.clock.now
        self._runtime = runtime
        self._seconds = seconds
        self._dead = tuple(dead)
        # Every statement of a read sees what was committed when it began.
        self._reads = runtime.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._known = KnownEndpoints(self._reads, EndpointSecrets(runtime.sealer))
        self._is_applied = False  # what is known of the endpoints
        self._fleet = Fleet()
        self.tallies = SendingTallies()
        numbers = ReadNumbers()
        briefs = Briefs(runtime.sealer)
        tenant = Tenant(worker, socket.gethostname(), settings.lease)
        self._watch = ClockWatch(self._reads, runtime.clock)
        self._reach = Reach(now, lambda: len(self._fleet.real()))
        self._breaking = BreakerPolicy(settings.breaker_pause, settings.disable_after)
        self._in_force = InForce(self._reads, worker)
        self._tenure = Tenure(
            runtime.engine,
            tenant,
            self._fleet,
            numbers,
            seconds,
            lambda: self._reach.is_suspect or self._watch.is_off,
        )
        self._log_reader = LogReader(self._fleet, briefs, numbers, seconds)
        self._again_reader = AgainReader(self._fleet, briefs, numbers, seconds)
        plans = Plans(settings.query_retry_plan, settings.retry_plan)
        self._brake = BrakePolicy(settings.brake_share, settings.brake_least)
        applying = Applying(settings.working_time, self._brake)
        self._recorder = Recorder(runtime.engine, worker, plans, now, applying)
        self._recorder.tallies = self.tallies
        self._sender = Sender(self._sender_parts(outbound))
        self._join_loops()

    def _join_loops(self) -> None:
        """Let those loops wake each other that wait for each other's work."""
        self._log_pause = Polling(0.01, LONGEST_PAUSE)
        self._again_pause = Polling(0.02, LONGEST_PAUSE)
        self._heed_pause = Polling(0.1, LONGEST_PAUSE)
        self._leasing = self._loop("leases", self._lease)
        self._refreshing = self._loop("refresh", self._refresh)
        self._recording = self._loop("record", self._recorder.step)
        self._reading = self._loop("read_log", self._read_log)
        self._recorder.woken = self._recording.wake
        self._recorder.rested = self._on_recorded

    def _sender_parts(self, outbound: Outbound) -> SenderParts:
        settings = self._runtime.settings
        return SenderParts(
            engine=self._reads,
            outbound=outbound,
            recorder=self._recorder,
            now=self._runtime.clock.now,
            monotonic=self._seconds,
            jitter=new_fraction,
            request_timeout=settings.request_timeout,
            lease=settings.lease,
            reach=self._reach,
            is_held_back=lambda: self._watch.is_off,
            tracer=self._runtime.tracer,
            tallies=self.tallies,
        )

    @property
    def shown(self) -> AtWork:
        """Give the parts that know how it fares."""
        return AtWork(
            self._fleet,
            self._recorder,
            self._reach,
            self.tallies,
            lambda: self._watch.is_off,
        )

    async def run(self, stopping: asyncio.Event, liveness: Liveness | None) -> None:
        """Run all loops; those that record and lease outlive those that read."""
        done_sending = asyncio.Event()
        lasting = [self._leasing, self._refreshing, self._recording]
        lasting += [self._loop("heed", self._heed)]
        lasting += [self._loop("clock", self._watch.step)]
        reading = [self._reading, self._loop("read_again", self._read_again)]
        reading += self._clocks()
        if liveness is not None:
            liveness.watch([*lasting, *reading])
        tasks = [asyncio.create_task(loop.run(done_sending)) for loop in lasting]
        tasks += [asyncio.create_task(loop.run(stopping)) for loop in reading]
        try:
            await stopping.wait()
            await self._sender.stop()
            await self._flush()
            done_sending.set()
            await asyncio.wait(tasks, timeout=ENDING_LIMIT)
            await break_off(tasks)
            await self._give_back()
        finally:
            self._sender.abandon()
            await break_off(tasks)

    def _clocks(self) -> list[Loop]:
        due = DueWatch(
            self._reads, self._runtime.clock, self._runtime.settings.scan_interval
        )
        steps = timed_steps(self._runtime, self._brake, self._reading.wake)
        clocks = [
            self._loop(name, self._watch.guard(due.patient(name, step)))
            for name, step in steps.items()
        ]
        due.watch(clocks)
        return [*clocks, self._loop("due", self._watch.guard(due.step))]

    async def _flush(self) -> None:
        """Wait for the record, but not for ever: what is lost of it is sent again."""
        until = monotonic() + self._runtime.settings.lease.total_seconds()
        while not self._recorder.is_empty and monotonic() < until:
            self._recording.wake()
            await asyncio.sleep(0.01)

    async def _give_back(self) -> None:
        if self._sender.has_broken_off or not self._recorder.is_empty:
            return  # whoever takes over must know that not all is written down
        try:
            async with asyncio.timeout(ENDING_LIMIT):
                await self._tenure.give_back()
        except Exception:
            log.exception("leases_not_given_back")

    async def _lease(self) -> float:
        if self._dead:
            async with self._runtime.engine.begin() as db:
                await leases.take_over(db, self._dead)
            self._dead = ()
        for lane in self._recorder.overdue():
            lane.lose()
        pause = await self._tenure.turn()
        if any(lane.target is None for lane in self._fleet):
            self._refreshing.wake()
        self._sender.pump_all(self._fleet)
        return pause

    async def _refresh(self) -> float:
        lanes = list(self._fleet)
        ids = sorted(lane.endpoint_id for lane in lanes)
        is_new = await self._known.look(ids, self._runtime.clock.now())
        if is_new or any(lane.target is None or lane.breaker is None for lane in lanes):
            self._is_applied = False
        if not self._is_applied:
            await self._apply(lanes)
        self._sender.pump_all(lanes)
        if await self._tenure.sees_free():
            self._leasing.wake()
        return REFRESH_SECONDS

    async def _apply(self, lanes: Collection[Lane]) -> None:
        """Put into force what is known of the endpoints, and tell so."""
        known = self._known
        healths = {one.id: one.health for one in known.all}
        for lane in lanes:
            lane.retarget(known.targets.get(lane.endpoint_id), self._seconds())
            lane.judge(healths.get(lane.endpoint_id), self._breaking)
        await self._in_force.tell(lanes, known.all)
        self._is_applied = True

    async def _heed(self) -> float:
        has_changed = await self._in_force.sees_changes()
        if has_changed:
            self._refreshing.wake()
        is_sending = any(lane.in_flight for lane in self._fleet)
        return self._heed_pause.after(found=has_changed or is_sending)

    async def _read_log(self) -> float:
        async with self._reads.connect() as db:
            fed = await self._log_reader.step(db, self._runtime.clock.now())
        self._sender.pump_all(fed)
        return self._log_pause.after(found=bool(fed))

    async def _read_again(self) -> float:
        now = self._runtime.clock.now()
        for lane in self._fleet:
            lane.look(now)
        async with self._reads.connect() as db:
            fed = await self._again_reader.step(db, now)
        self._sender.pump_all(fed)
        return self._again_pause.after(found=bool(fed))

    def _on_recorded(self, lanes: Collection[Lane]) -> None:
        """Go on where room has become free, or where too much was unrecorded."""
        if any(lane.behind and lane.wants_more for lane in lanes):
            self._reading.wake()
        self._sender.pump_all(self._fleet)

    @staticmethod
    def _loop(name: str, step: Step) -> Loop:
        async def bounded() -> float:
            async with asyncio.timeout(STEP_LIMIT):
                return await step()

        return Loop(name, bounded)
