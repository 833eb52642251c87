"""Platforms with endpoints that listen, orders for them, and workers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked, order_status
from tests.support.receiver import Door, Receiver
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.waiting import PATIENCE
from tests.support.working import working
from unbind_broker.base.clock import Clock, SystemClock
from unbind_broker.base.database import sql
from unbind_broker.base.ids import (
    EndpointId,
    OrderId,
    PlatformId,
    Prefix,
    WorkerId,
    format_id,
)
from unbind_broker.base.name_lookup import LookUp, look_up
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.runtime.opening import Runtime
from unbind_broker.settings import Settings

CLOCK = SystemClock()
PATIENT_LEASE = 15.0
"""Seconds. On a machine that stalls, a shorter lease might be lost without a fault."""
PATIENT_REQUEST = 8.0
"""Seconds. A request that is given up is sent again, and then came twice."""
OTHER_NUMBER = PhoneNumber("+8613800004321")
_COUNT = sql("SELECT status, count(*) FROM items GROUP BY status")


def short(lease: float = PATIENT_LEASE, **changes: Any) -> Settings:
    """Settings with short clocks; ``lease`` is in seconds."""
    quick = {
        "request_timeout": timedelta(seconds=min(PATIENT_REQUEST, lease * 0.6)),
        "retry_plan": (timedelta(seconds=0.1), timedelta(seconds=0.4)),
        "query_retry_plan": (timedelta(seconds=0.1),),
        "breaker_pause": timedelta(seconds=0.2),
        "scan_interval": timedelta(seconds=0.2),
        "allow_private_endpoints": True,
    }
    lasting = timedelta(seconds=lease)
    return Settings(_env_file=None, lease=lasting, **{**quick, **changes})


@dataclass
class Stage:
    engine: AsyncEngine
    receiver: Receiver
    carrier: Carrier
    doors: list[Door] = field(default_factory=list)
    platforms: list[PlatformId] = field(default_factory=list)
    endpoints: list[EndpointId] = field(default_factory=list)
    ordered: int = 0

    async def add_platforms(self, count: int, **limits: Any) -> None:
        async with self.engine.begin() as db:
            for _ in range(count):
                slug = f"platform-{len(self.doors)}"
                door = self.receiver.door(slug)
                platform = await a_platform(db, slug)
                made = await an_endpoint(
                    db, platform, door.url, now=CLOCK.now(), **limits
                )
                door.secrets.append(made.secret)
                self.doors.append(door)
                self.platforms.append(platform.id)
                self.endpoints.append(made.endpoint.id)

    async def order(
        self, count: int = 1, kind: OrderKind = OrderKind.UNBIND
    ) -> list[str]:
        """Accept orders, each in a transaction of its own; return their public ids.

        Each is about another number, so that none joins another.
        """
        prefix = Prefix.QUERY if kind is OrderKind.QUERY else Prefix.ORDER
        return [format_id(prefix, one) for one in await self.order_ids(count, kind)]

    async def order_ids(
        self, count: int = 1, kind: OrderKind = OrderKind.UNBIND
    ) -> list[OrderId]:
        made = []
        for _ in range(count):
            async with self.engine.begin() as db:
                now = CLOCK.now()
                number = a_number(1234 + self.ordered)
                self.ordered += 1
                wanted = asked(kind, number=number, now=now)
                made.append(await an_order(db, self.carrier, wanted, now=now))
        return made

    async def counts(self) -> Counter[ItemStatus]:
        """How many items stand where."""
        async with self.engine.connect() as db:
            rows = await db.execute(_COUNT)
            return Counter(
                {ItemStatus.from_code(status): count for status, count in rows}
            )

    def all_are(self, status: ItemStatus) -> Callable[[], Coroutine[Any, Any, bool]]:
        """Look whether every item stands there."""

        async def look() -> bool:
            return (await self.counts()).keys() == {status}

        return look

    async def reaches(
        self, look: Callable[[], Coroutine[Any, Any, bool]], within: float = PATIENCE
    ) -> None:
        """Look again and again until it is so."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while not await look():
            if loop.time() > until:
                raise AssertionError(f"after {within:g} s still {await self.counts()}")
            await asyncio.sleep(0.01)

    async def none_is_queued(self) -> bool:
        return ItemStatus.QUEUED not in await self.counts()

    async def one_is(self, statement: Select[Any], value: object) -> bool:
        return await self.all(statement) == [value]

    async def order_is(self, order_id: OrderId, status: OrderStatus) -> bool:
        async with self.engine.connect() as db:
            return await order_status(db, order_id) is status

    async def tries(self) -> list[int]:
        """How often each item was sent, as the items tell."""
        return sorted(await self.all(select(items.c.attempts)))

    async def all(self, statement: Select[Any]) -> list[Any]:
        """The first column of every row."""
        async with self.engine.connect() as db:
            return list((await db.execute(statement)).scalars())

    async def change_endpoint(self, place: int, **changes: object) -> None:
        """Change columns of an endpoint behind everybody's back."""
        one = endpoints.c.id == self.endpoints[place]
        async with self.engine.begin() as db:
            await db.execute(update(endpoints).where(one).values(**changes))

    async def change_order(self, order_id: OrderId, **changes: object) -> None:
        """Change columns of an order; one that is held leaves the log."""
        async with self.engine.begin() as db:
            await db.execute(
                update(orders).where(orders.c.id == order_id).values(**changes)
            )
            if changes.get("status") is OrderStatus.HELD:
                log_rows = order_log.c.order_id == order_id
                await db.execute(delete(order_log).where(log_rows))

    async def change_items(self, order_id: OrderId, status: ItemStatus) -> None:
        """Bring all items of an order into a final status."""
        async with self.engine.begin() as db:
            await db.execute(
                update(items)
                .where(items.c.order_id == order_id)
                .values(status=status, finished_at=CLOCK.now())
            )

    @staticmethod
    def public_id(order_id: OrderId) -> str:
        return format_id(Prefix.ORDER, order_id)

    async def all_leased(self) -> bool:
        return None not in await self.all(select(endpoint_leases.c.holder))

    async def moved(self, endpoint: EndpointId, beyond: int) -> bool:
        """Look whether the stored cursor of an endpoint has moved on."""
        one = endpoint_leases.c.endpoint_id == endpoint
        (xid,) = await self.all(select(endpoint_leases.c.cursor_xid).where(one))
        return bool(xid > beyond)

    @asynccontextmanager
    async def late_order(self) -> AsyncIterator[str]:
        """An order whose transaction commits only when the block ends."""
        async with self.engine.begin() as db:
            now = CLOCK.now()
            # Of another number, because decisions about one number wait for each other.
            wanted = asked(number=OTHER_NUMBER, now=now)
            made = await an_order(db, self.carrier, wanted, now=now)
            yield self.public_id(made)

    @asynccontextmanager
    async def working(
        self,
        settings: Settings | None = None,
        engine: AsyncEngine | None = None,
        dead: Collection[WorkerId] = (),
        look_up: LookUp = look_up,
        clock: Clock = CLOCK,
    ) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a worker beside the block, and stop it gracefully in the end."""
        runtime = Runtime(
            settings=settings or short(),
            engine=engine or self.engine,
            clock=clock,
            sealer=SEALER,
            blind_index=BLIND_INDEX,
            broker_key=BROKER_KEY,
            look_up=look_up,
        )
        async with working(runtime, dead) as task:
            yield task


async def set_stage(engine: AsyncEngine, receiver: Receiver) -> Stage:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
    return Stage(engine, receiver, carrier)
