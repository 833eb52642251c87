"""A lane that a worker owns, and what is written down of its exchanges."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from tests.sending.parts import START, a_batch, a_target, a_work, ended, put_to_use
from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.order_builders import an_order, item_row, many_orders
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import (
    OrderId,
    PlatformId,
    WorkerId,
    new_uuid7,
)
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.items.item import ItemKey
from unbind_broker.sending import leases
from unbind_broker.sending.batches import Batch
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.record import Written, write
from unbind_broker.sending.verdicts import Plans

ME = WorkerId(new_uuid7(NOON))
PLANS = Plans((timedelta(seconds=1),), (timedelta(minutes=5),))
LEASE = timedelta(seconds=20)


@dataclass
class Desk:
    """A lane that this worker owns, and orders for its platform."""

    db: Db
    lane: Lane
    platform_id: PlatformId
    orders: list[OrderId]

    async def batch(self, *places: int, attempt: int = 0) -> Batch:
        ids = [self.orders[place] for place in places]
        briefs = await Briefs(SEALER).load(self.db, NOON, ids)
        works = [a_work(item=briefs[one], attempt=attempt) for one in ids]
        return a_batch(works=works)

    async def ended(
        self, kind: OutcomeKind, *places: int, answer: object = None, attempt: int = 0
    ) -> Finished:
        batch = await self.batch(*(places or (0,)), attempt=attempt)
        body = b"" if answer is None else json.dumps(answer).encode()
        return ended(batch, kind, lane=self.lane, answer=body)

    async def write(self, *finished: Finished) -> Written:
        return await write(self.db, NOON, ME, finished, PLANS, APPLYING)

    async def item(self, place: int = 0) -> Any:
        return await item_row(self.db, ItemKey(self.orders[place], self.platform_id))

    async def due(self) -> dict[OrderId, timedelta]:
        rows = await self.db.execute(select(deliveries))
        return {row.order_id: row.due_at - NOON for row in rows}

    async def lose_lease(self) -> None:
        await self.db.execute(
            update(endpoint_leases).values(
                holder=new_uuid7(NOON), epoch=endpoint_leases.c.epoch + 1
            )
        )


async def set_desk(db: Db) -> Desk:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    made = await an_endpoint(db, platform)
    first = await an_order(db, carrier)
    orders = [first, *await many_orders(db, carrier, 9, like=first)]
    (holding,) = await leases.claim(db, ME, LEASE, 1)
    lane = Lane(made.endpoint.id, holding.tenancy.epoch, START, 1000.0, ReadNumbers())
    target = a_target(
        str(made.endpoint.url), endpoint_id=made.endpoint.id, platform_id=platform.id
    )
    put_to_use(lane, target)
    return Desk(db, lane, platform.id, orders)
