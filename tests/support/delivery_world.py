"""The workers of the delivery machine, and whoever they work for."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from tests.support.app import a_runtime
from tests.support.builders import TOOLS
from tests.support.clock import FixedClock
from tests.support.delivery_network import REQUEST_LIMIT, Flight, Line
from tests.support.delivery_parties import Parties
from tests.support.delivery_worker import Hand, owners
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import WorkerId, new_uuid7
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints import service as endpoint_service
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoint_leases, endpoints, workers
from unbind_broker.items.states import ItemStatus

LEASE = timedelta(hours=1)
"""Nothing ends a lease but the machine: the database's own clock has no say in it."""
MOST_HANDS = 3
_BEGIN = FixedClock().now()
_TICK = timedelta(milliseconds=1500)
"""Longer than anything that is read counts as fresh."""
_ACCEPTED = OutcomeKind.ACCEPTED


class World(Parties):
    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.hands: list[Hand] = []
        self.dead: set[WorkerId] = set()
        self.heard_too_late: set[tuple[str, str]] = set()
        """What platforms got, and the broker heard of after it was called back."""
        settings = {"lease": LEASE, "request_timeout": REQUEST_LIMIT}
        self._runtime = a_runtime(engine, self.clock, **settings)

    @override
    async def begin(self) -> None:
        await super().begin()
        await self.hire()

    def seconds(self) -> float:
        return (self.clock.now() - _BEGIN).total_seconds() + 1000.0

    @property
    def living(self) -> list[Hand]:
        return [hand for hand in self.hands if not hand.is_stalled]

    async def tick(self, by: timedelta = _TICK) -> None:
        """Let a step begin; requests that took too long end."""
        self.clock.advance(by)
        self.network.time_out()
        for hand in self.hands:
            await hand.rest()

    async def wait(self, by: timedelta) -> None:
        """Let time pass. Workers go on renewing their leases meanwhile."""
        await self.tick(by)
        for hand in self.living:
            await hand.turn()

    async def hire(self, *, knows_dead: bool = False) -> None:
        if len(self.hands) >= MOST_HANDS:
            return
        dead = self.dead if knows_dead else set()
        worker = WorkerId(new_uuid7(self.clock.now()))
        hand = Hand(
            self._runtime,
            worker,
            self.network,
            self.endpoints,
            dead,
            self.seconds,
        )
        self.hands.append(hand)
        self.dead = self.dead - dead
        await hand.turn()

    async def read(self, hand: Hand, *, log: bool, again: bool) -> None:
        if not hand.is_stalled:
            await hand.read(log=log, again=again)

    async def answer(
        self,
        flight: Flight,
        status: int | OutcomeKind,
        retry_after: str | None = None,
        outcome: int | None = None,
    ) -> None:
        """Let a platform answer; what it refuses, it refuses always.

        ``outcome`` picks the result that it gives at once.
        """
        lines: list[Line] = []
        if self.network.sites[flight.slug].refuses & set(flight.ids):
            status = 422 if status == 200 else status
        if status == 200 and outcome is not None and flight.is_request:
            lines = [self.a_result(one, outcome) for one in flight.ids]
        self.network.come(flight, status, retry_after, lines)
        await self._hand_of(flight).rest()

    async def record(
        self, hand: Hand, *, unsure: bool = False, only_written: bool = False
    ) -> list[Flight]:
        """Write down a worker's answers; return those that count for nothing.

        A worker is ``unsure`` whose connection broke as it committed.
        """
        stale = await self._stale(hand)
        for flight in hand.unrecorded:
            self._foresee(flight, counts=flight not in stale)
        for flight in hand.unrecorded:
            for line in flight.lines:
                self.model.apply(flight.slug, line)
        if unsure or only_written:
            await hand.write_only()
        if not only_written:
            await hand.record()
        return stale

    async def _stale(self, hand: Hand) -> list[Flight]:
        """Name the failures of endpoints that somebody else owns by now."""
        held = await owners(self.engine)
        failed = [one for one in hand.unrecorded if one.kind is not _ACCEPTED]
        return [
            one
            for one in failed
            if held[self.endpoints[one.slug]] != (hand.id, one.epoch)
        ]

    def _foresee(self, flight: Flight, *, counts: bool) -> None:
        if not counts:
            self._hear_too_late(flight)
        elif flight.is_request and flight.kind is _ACCEPTED:
            self.model.take(flight.slug, flight.ids)
        elif flight.is_refused_item:
            self.model.refuse(flight.slug, flight.ids[0])

    async def crash(self, hand: Hand, how: str) -> None:
        """Kill a worker, its cursor unmoved; ``how`` says what it had done before."""
        match how:
            case "recorded":
                await self.record(hand)
            case "written":
                await self.record(hand, only_written=True)
            case _:
                pass
        hand.die()
        self.hands.remove(hand)
        self.dead.add(hand.id)

    async def stall(self, hand: Hand) -> None:
        """Let a worker's leases end while it lives: its answers are yet to come."""
        for flight in [one for one in self.network.in_order if one.worker is hand]:
            self.network.come(flight, OutcomeKind.TIMED_OUT)
        await hand.rest()
        await hand.stall()
        await self._end_leases([hand.id])

    async def wake(self, hand: Hand) -> None:
        hand.is_stalled = False
        await hand.turn()

    async def bury(self) -> None:
        """Let the leases of dead workers end."""
        await self._end_leases(list(self.dead))
        self.dead = set()

    async def retire(self, hand: Hand) -> None:
        stopping = hand.stop()
        await asyncio.sleep(0)
        for flight in [one for one in self.network.in_order if one.worker is hand]:
            await self.answer(flight, 200)
        await self.record(hand)
        await hand.retire(stopping)
        self.hands.remove(hand)

    async def change(self, slug: str, verb: str, **limits: Any) -> None:
        """Change an endpoint; the call answers once that is in force."""
        now, owner = self.clock.now(), self.owners[slug]
        site = self.network.sites[slug]
        try:
            async with self.engine.begin() as db:
                match verb:
                    case "pause":
                        by = PausedBy.OWNER
                        await endpoint_service.pause(db, now, owner, by, "test")
                    case "resume":
                        by = PausedBy.OWNER
                        await endpoint_service.resume(db, now, owner, by, "test")
                    case "verify":
                        url = site.url
                        await endpoint_service.mark_verified(db, now, owner, url, "t")
                    case _:
                        choice = EndpointChoice(url=site.url, **limits)
                        await endpoint_service.register(
                            db, now, owner, choice, TOOLS, "test"
                        )
        except BrokerError:
            return
        await self.look_at_endpoints()
        for hand in self.living:
            await hand.refresh()

    async def look_at_endpoints(self) -> None:
        """Take what is in force for the network's own checks."""
        async with self.engine.connect() as db:
            rows = {row.id: row for row in await db.execute(select(endpoints))}
        for slug, site in self.network.sites.items():
            row = rows[self.endpoints[slug]]
            site.status = EndpointStatus(row.status)
            site.max_batch, site.max_concurrency = row.max_batch, row.max_concurrency
            site.max_rate = row.max_rate

    async def _end_leases(self, ids: list[WorkerId]) -> None:
        past = func.clock_timestamp() - timedelta(hours=2)
        leases = endpoint_leases.c.holder.in_(ids)
        async with self.engine.begin() as db:
            await db.execute(
                update(endpoint_leases).where(leases).values(lease_until=past)
            )
            await db.execute(
                update(workers).where(workers.c.id.in_(ids)).values(seen_at=past)
            )

    def _hear_too_late(self, flight: Flight) -> None:
        for one in flight.ids:
            part = self.model.part(flight.slug, one)
            ended = part is not None and part.status is ItemStatus.CANCELLED
            if ended and flight.is_request and flight.may_have_left:
                self.heard_too_late.add((flight.slug, one))

    def _hand_of(self, flight: Flight) -> Hand:
        return next(one for one in self.hands if one is flight.worker)
