"""A real worker of which nothing runs by itself: each of its steps is called."""

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from tests.support.delivery_network import Flight, Network, Wire
from unbind_broker.base.ids import EndpointId, WorkerId
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.runtime.opening import Runtime
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.outbound import Outbound
from unbind_broker.sending.record import write
from unbind_broker.sending.sender import SenderParts
from unbind_broker.worker.process import _Worker


class Hand(_Worker):
    """A worker that is driven by hand. ``unrecorded`` are its answers in memory."""

    def __init__(
        self,
        runtime: Runtime,
        worker: WorkerId,
        network: Network,
        endpoints: dict[str, EndpointId],
        dead: Collection[WorkerId],
        seconds: Callable[[], float],
    ) -> None:
        wire = Wire(network)
        super().__init__(runtime, worker, wire, dead, seconds)
        wire.worker = self
        self._watch.is_off = False  # time is the machine's
        self.id = worker
        self.network = network
        self.endpoints = endpoints
        self.unrecorded: list[Flight] = []
        self.is_stalled = False

    @override
    def _sender_parts(self, outbound: Outbound) -> SenderParts:
        return replace(super()._sender_parts(outbound), jitter=lambda: 0.5)

    def epoch_of(self, slug: str) -> int:
        lane = self.lane(slug)
        return -1 if lane is None else lane.epoch

    def lane(self, slug: str) -> Lane | None:
        return self._fleet.get(self.endpoints[slug])

    @property
    def owned(self) -> int:
        return sum(not lane.lost for lane in self._fleet)

    async def turn(self) -> None:
        """Renew, give back and claim; then look at the endpoints once more."""
        await self._lease()
        await self.refresh()

    async def refresh(self) -> None:
        await self._refresh()
        await self.rest()

    async def read(self, *, log: bool = True, again: bool = True) -> None:
        if log:
            await self._read_log()
        if again:
            await self._read_again()
        await self.rest()

    async def record(self) -> list[Flight]:
        """Write down what is in memory, and say what that was."""
        recorded, self.unrecorded = self.unrecorded, []
        while not self._recorder.is_empty:
            await self._recorder.step()
        await self.rest()
        return recorded

    async def write_only(self) -> None:
        """Commit what is in memory, without learning that it is committed."""
        recorder = self._recorder
        finished = [entry.finished for entry in recorder._entries]
        if not finished:
            return
        async with self._runtime.engine.begin() as db:
            now = self._runtime.clock.now()
            plans, applying = recorder._plans, recorder._applying
            await write(db, now, self.id, finished, plans, applying)

    async def rest(self) -> None:
        """Wait until all that is under way waits for the network."""
        while len(self._sender._tasks) > self._waiting:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.0005)
        # Time stands still: nothing lags behind, and who waits is called by a step.
        for entry in self._recorder._entries:
            entry.put_at = math.inf
        for timer in self._sender._timers.values():
            timer.cancel()
        self._sender._timers.clear()

    async def stall(self) -> None:
        """Let no request start any more, as its own clock has told it."""
        self.is_stalled = True
        for lane in self._fleet:
            lane.lease_ends = self._seconds()

    def die(self) -> None:
        self._sender.abandon()
        self.network.cut(self)

    def stop(self) -> "asyncio.Task[None]":
        """Begin to stop: nothing new starts, and what is under way may end."""
        return asyncio.create_task(self._sender.stop())

    async def retire(self, stopping: "asyncio.Task[None]") -> None:
        """Stop gracefully, now that nothing is under way any more."""
        await stopping
        await self.record()
        await self._give_back()

    @property
    def _waiting(self) -> int:
        return sum(one.worker is self for one in self.network.flights)


async def owners(engine: AsyncEngine) -> dict[int, tuple[object, int]]:
    """Give the holder and the epoch of each endpoint."""
    async with engine.connect() as db:
        rows = await db.execute(select(endpoint_leases))
        return {row.endpoint_id: (row.holder, row.epoch) for row in rows}
