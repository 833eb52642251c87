"""What carriers, administrators, platforms and time do in the delivery machine."""

from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint, owner_of
from tests.support.clock import FixedClock
from tests.support.delivery_model import FINALS, Model, Ordered, Part, a_line
from tests.support.delivery_network import Line, Network, Site
from tests.support.guards import APPLYING
from tests.support.joining import a_number
from tests.support.order_builders import INTAKE, an_order, asked, asking
from tests.support.sweeping import sweep
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import EndpointId
from unbind_broker.callbacks.results import apply
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.mending import mend_unsendable
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deadlines.upkeep import prune_log
from unbind_broker.deliveries.replaying import replay_items, replay_since
from unbind_broker.deliveries.spreading import write
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.endpoints import service as endpoint_service
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.intake.cancelling import cancel
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.requeuing import AskedRequeue, requeue
from unbind_broker.intake.restoring import AskedRestore, restore
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.service import Platform

SLUGS = ("weibo", "zhihu", "didi", "meituan", "ctrip")
"""As many as it takes to tell a fault of theirs from one of our own network."""
_MANY = 1000


class Parties:
    """Everybody but the workers, and the dictionary of what is expected."""

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
        self._numbered = 0
        self._late: AsyncExitStack | None = None
        self._late_order: Ordered | None = None

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

    # What platforms do

    def a_result(self, public_id: str, pick: int) -> Line:
        order = self.model.orders[public_id]
        finals = FINALS[order.kind]
        return a_line(public_id, order, finals[pick % len(finals)])

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
            found = await replay_since(db, now, endpoint, now - back, None)
            await write(db, endpoint.id, found.repeats)
        self.model.replay(slug)

    async def redeliver_item(self, slug: str, public_id: str) -> None:
        order, now = self.model.orders[public_id], self.clock.now()
        named = {order.order_id: order.kind is OrderKind.QUERY}
        async with self.engine.begin() as db:
            endpoint = await endpoint_service.require(db, self.owners[slug])
            found = await replay_items(db, now, endpoint, named, None)
            await write(db, endpoint.id, found.repeats)
        self.model.replay(slug)

    # What time brings

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
                    await sweep(db, now)
        if name == "expire":
            self.model.expire(now)
            async with self.engine.begin() as db:
                await settle(db, now, overdue)
        if name == "release":
            await self._look_at_holds()

    # The machine's own

    def waiting(self) -> list[tuple[str, str]]:
        """Give platform and item of all that is to be sent yet."""
        return [
            (slug, public_id)
            for public_id, order in self.model.orders.items()
            for slug, part in order.parts.items()
            if part.status is ItemStatus.QUEUED
        ]

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
