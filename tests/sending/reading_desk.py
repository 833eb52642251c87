"""A reader of the log, its lanes, and a database to read from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.sending.parts import a_target, put_to_use
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, asked
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.items import service as items
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.positions import Position, start_of
from unbind_broker.platforms.service import Platform
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.reading import LogReader

LOG_START = start_of(0)


@dataclass
class Desk:
    """A reader, its lanes, and a database to read from."""

    engine: AsyncEngine
    carrier: Carrier
    platforms: list[Platform]
    numbers: ReadNumbers = field(default_factory=ReadNumbers)
    fleet: Fleet = field(default_factory=Fleet)
    numbered: int = 0

    def __post_init__(self) -> None:
        self.reader = LogReader(self.fleet, Briefs(SEALER), self.numbers, lambda: 0.0)

    def add_lane(
        self,
        place: int = 0,
        *,
        cursor: Position = LOG_START,
        max_batch: int = 50,
        max_concurrency: int = 4,
    ) -> Lane:
        platform = self.platforms[place]
        target = a_target(
            endpoint_id=platform.id,
            platform_id=platform.id,
            max_batch=max_batch,
            max_concurrency=max_concurrency,
        )
        lane = Lane(target.endpoint_id, 1, cursor, 1000.0, self.numbers)
        put_to_use(lane, target)
        self.fleet.add(lane)
        return lane

    async def order(self, count: int = 1) -> list[OrderId]:
        made = []
        for _ in range(count):
            async with self.engine.begin() as db:
                made.append(await self.order_in(db))
        return made

    async def order_in(self, db: Db) -> OrderId:
        """An order about a number of its own: decisions about one wait."""
        self.numbered += 1
        number = PhoneNumber(f"+861380000{self.numbered:04d}")
        return await an_order(db, self.carrier, asked(number=number))

    async def step(self) -> None:
        async with self.reading() as db:
            await self.reader.step(db, NOON)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        single = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with single.connect() as db:
            yield db

    async def record(self, lane: Lane, order_ids: list[OrderId]) -> None:
        """Record as acknowledged what a lane has sent."""
        assert lane.target is not None
        platform_id = lane.target.platform_id
        assert platform_id is not None
        keys = [ItemKey(one, platform_id) for one in order_ids]
        async with self.engine.begin() as db:
            await items.acknowledge(db, NOON, keys)
        lane.recorded(order_ids)


async def desk_on(engine: AsyncEngine) -> Desk:
    """A desk for three platforms."""
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platforms = [
            await a_reachable_platform(db, slug) for slug in ("weibo", "zhihu", "didi")
        ]
    return Desk(engine, carrier, platforms)


def sent(lane: Lane) -> list[UUID]:
    """Take everything that the lane would send now."""
    taken: list[UUID] = []
    while (batch := lane.take(0.0)) is not None:
        lane.finish()
        taken += batch.subject_ids
    return taken
