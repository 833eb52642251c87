"""Orders, platforms and workers of the delivery machine, one step at a time."""

from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime
from tests.support.builders import TOOLS, a_carrier, a_platform, an_endpoint, owner_of
from tests.support.clock import FixedClock
from tests.support.delivery_model import FINALS, Model, Ordered, Part, a_line
from tests.support.delivery_network import REQUEST_LIMIT, Flight, Line, Network, Site
from tests.support.delivery_worker import Hand, owners
from tests.support.guards import APPLYING
from tests.support.joining import a_number
from tests.support.order_builders import INTAKE, an_order, asked, asking
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import EndpointId, WorkerId, new_uuid7
from unbind_broker.callbacks.results import apply
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.mending import mend_unsendable
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deadlines.sweeping import sweep_unsettled
from unbind_broker.deadlines.upkeep import prune_log
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.replaying import replay_items, replay_since
from unbind_broker.deliveries.undelivered import WantedItems
from unbind_broker.endpoints import service as endpoint_service
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoint_leases, endpoints, workers
from unbind_broker.intake.cancelling import cancel
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.requeuing import AskedRequeue, requeue
from unbind_broker.intake.restoring import AskedRestore, restore
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.settling import settle
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.service import Platform

SLUGS = ("weibo", "zhihu", "didi", "meituan", "ctrip")
"""As many as it takes to tell a fault of theirs from one of our own network."""
LEASE = timedelta(hours=1)
"""Nothing ends a lease but the machine: the database's own clock has no say in it."""
MOST_HANDS = 3
_BEGIN = FixedClock().now()
_TICK = timedelta(milliseconds=1500)
"""Longer than anything that is read counts as fresh."""
_MANY = 1000
_ACCEPTED = OutcomeKind.ACCEPTED


class World:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.clock = FixedClock()
        self.network = Network(self.clock)
        self.model = Model()
        self.network.waits = self.model.waits
        self.network.occasion = self.model.occasion
        self.platforms: dict[str, Platform] = {}
        self.endpoints: dict[str, EndpointId] = {}
        self.owners: dict[str, Owner] = {}
        self.hands: list[Hand] = []
        self.dead: set[WorkerId] = set()
        self.heard_too_late: set[tuple[str, str]] = set()
        """What platforms got, and the broker heard of after it was called back."""
        self._numbered = 0
        self._late: AsyncExitStack | None = None
        self._late_order: Ordered | None = None
        settings = {"lease": LEASE, "request_timeout": REQUEST_LIMIT}
        self._runtime = a_runtime(engine, self.clock, **settings)

    async def begin(self) -> None:
        async with self.engine.begin() as db:
            self.carrier = await a_carrier(db)
            for slug in SLUGS:
                platform = await a_platform(db, slug)
                made = await an_endpoint(db, platform, max_batch=3, max_concurrency=2)
                self.platforms[slug] = platform
                self.owners[slug] = owner_of(platform)
                self.endpoints[slug] = made.endpoint.id
                url = made.endpoint.url or ""
                self.network.sites[slug] = Site(slug, url, made.secret)
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

    # What carriers do

    async def order(
        self, kind: OrderKind, slugs: Collection[str], culprits: Collection[str]
    ) -> None:
        async with self.engine.begin() as db:
            made = await self._place(db, kind, slugs, culprits, is_own=False)
        self._note(made)

    async def order_own(self, slugs: Collection[str]) -> None:
        """Order something of the present holder's own: it is held at first."""
        async with self.engine.begin() as db:
            made = await self._place(db, OrderKind.UNBIND, slugs, (), is_own=True)
        self._note(made)

    async def order_late(self, slugs: Collection[str]) -> None:
        """Order something, and commit it only when this is called once more."""
        if self._late is None:
            self._late = AsyncExitStack()
            db = await self._late.enter_async_context(self.engine.begin())
            kind = OrderKind.UNBIND
            self._late_order = await self._place(db, kind, slugs, (), is_own=False)
            return
        late, self._late = self._late, None
        await late.aclose()
        if self._late_order is not None:
            self._note(self._late_order)

    async def end_late(self) -> None:
        if self._late is not None:
            await self.order_late(())

    async def call_back(self, public_id: str) -> None:
        order = self.model.orders[public_id]
        try:
            async with self.engine.begin() as db:
                now = self.clock.now()
                await cancel(db, now, asking(self.carrier), order.order_id)
        except BrokerError:
            return
        if order.kind is not OrderKind.QUERY:
            self.model.cancel(public_id)

    async def undo(self, public_id: str) -> None:
        order = self.model.orders[public_id]
        wanted = AskedRestore(
            order_id=order.order_id, platforms=None, reason="a mistake"
        )
        time = INTAKE.policy.working_time
        try:
            async with self.engine.begin() as db:
                now = self.clock.now()
                placed = await restore(db, now, wanted, asking(self.carrier), time)
                if not isinstance(placed, Placed):
                    return
                made = await self._read(db, placed.order_id, is_own=order.is_own)
        except BrokerError:
            return
        self._note(made)
        order.is_undone = True

    # What administrators do

    async def requeue(self, slug: str, public_id: str) -> None:
        """Have an item sent again that its platform never took."""
        order, now = self.model.orders[public_id], self.clock.now()
        key = ItemKey(order.order_id, self.platforms[slug].id)
        wanted = AskedRequeue([key], WantedItems(), None, dry_run=False, spread=None)
        async with self.engine.begin() as db:
            done = await requeue(db, now, wanted, "admin:test")
        may = self.model.may_be_requeued(slug, public_id, now)
        assert may is None or done.count == may, done.skipped
        if done.count:
            self.model.requeue(slug, public_id)

    async def mend(self) -> None:
        """Let the broker look for what is lost by itself: it finds nothing."""
        everything = [one.order_id for one in self.model.orders.values()]
        async with self.engine.begin() as db:
            mended = await mend_unsendable(db, self.clock.now(), everything)
        assert not mended, f"nothing was lost, and it was mended: {mended}"

    # What workers do

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

    def a_result(self, public_id: str, pick: int) -> Line:
        order = self.model.orders[public_id]
        finals = FINALS[order.kind]
        return a_line(public_id, order, finals[pick % len(finals)])

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
        for flight in [one for one in self.network.flights if one.worker is hand]:
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
        for flight in [one for one in self.network.flights if one.worker is hand]:
            await self.answer(flight, 200)
        await self.record(hand)
        await hand.retire()
        self.hands.remove(hand)

    # What platforms do

    async def report(self, slug: str, line: Line) -> None:
        """Let a platform report, twice in one breath now and then."""
        expected = self.model.apply(slug, line)
        now = self.clock.now()
        async with self.engine.begin() as db:
            platform = self.platforms[slug].id
            applied = await apply(db, now, platform, [line], APPLYING)
        (answer,) = applied.answers
        assert answer.status is expected, (line, answer)
        async with self.engine.begin() as db:
            await settle(db, now, applied.touched)

    async def redeliver(self, slug: str, back: timedelta) -> None:
        """Let a platform ask for what it was sent, and has not finished, once more."""
        now = self.clock.now()
        async with self.engine.begin() as db:
            endpoint = await endpoint_service.require(db, self.owners[slug])
            await replay_since(db, now, endpoint, now - back, None)
        self.model.replay(slug)

    async def redeliver_item(self, slug: str, public_id: str) -> None:
        order, now = self.model.orders[public_id], self.clock.now()
        named = {order.order_id: order.kind is OrderKind.QUERY}
        async with self.engine.begin() as db:
            endpoint = await endpoint_service.require(db, self.owners[slug])
            await replay_items(db, now, endpoint, named, None)
        self.model.replay(slug)

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

    # What time brings

    async def wait(self, by: timedelta) -> None:
        """Let time pass. Workers go on renewing their leases meanwhile."""
        await self.tick(by)
        for hand in self.living:
            await hand.turn()

    async def clock_step(self, name: str) -> None:
        now = self.clock.now()
        overdue: set[UUID] = set()
        async with self.engine.begin() as db:
            match name:
                case "expire":
                    overdue = await expire_overdue(db, now, _MANY)
                case "release":
                    await release_held(db, now, _MANY)
                case "prune":
                    await prune_log(db, now, _MANY)
                case _:
                    await sweep_unsettled(db, now, None, _MANY)
        if name == "expire":
            self.model.expire(now)
            async with self.engine.begin() as db:
                await settle(db, now, overdue)
        if name == "release":
            await self._look_at_holds()

    # The machine's own

    async def _place(
        self,
        db: Db,
        kind: OrderKind,
        slugs: Collection[str],
        culprits: Collection[str],
        *,
        is_own: bool,
    ) -> Ordered:
        now = self.clock.now()
        self._numbered += 1
        wanted = asked(
            kind,
            number=a_number(self._numbered),
            scope=Scope.CURRENT_OWNER if is_own else Scope.PREVIOUS_OWNER,
            platforms=tuple(slugs) or SLUGS,
            now=now,
        )
        order_id = await an_order(db, self.carrier, wanted, now=now)
        made = await self._read(db, order_id, is_own=is_own)
        for slug in culprits:
            public_id = show_order_id(kind, order_id)
            self.network.sites[slug].refuses.add(public_id)
        return made

    async def _read(self, db: Db, order_id: UUID, *, is_own: bool) -> Ordered:
        row = (await db.execute(select(orders).where(orders.c.id == order_id))).one()
        found = await db.execute(
            select(items.c.platform_id).where(items.c.order_id == order_id)
        )
        slugs = {platform.id: slug for slug, platform in self.platforms.items()}
        parts = {slugs[platform_id]: Part() for platform_id in found.scalars()}
        held = row.status is OrderStatus.HELD
        return Ordered(order_id, row.kind, row.deadline, is_own, held, parts)

    def _note(self, made: Ordered) -> None:
        self.model.orders[show_order_id(made.kind, made.order_id)] = made

    async def _look_at_holds(self) -> None:
        async with self.engine.connect() as db:
            held = select(orders.c.id).where(orders.c.status == OrderStatus.HELD)
            left = set((await db.execute(held)).scalars())
        for order in self.model.orders.values():
            order.is_held = order.order_id in left

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

    def waiting(self) -> list[tuple[str, str]]:
        """Give platform and item of all that is to be sent yet."""
        return [
            (slug, public_id)
            for public_id, order in self.model.orders.items()
            for slug, part in order.parts.items()
            if part.status is ItemStatus.QUEUED
        ]
