"""Lines about many numbers end many orders without standing in anybody's way."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    INTAKE,
    NUMBER,
    a_reachable_platform,
    an_order,
    asked,
    asking,
)
from unbind_broker.base.database import sql
from unbind_broker.base.ids import OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.holding_feed import take_lines
from unbind_broker.intake.holding_lines import HoldingLine
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

LEFT = PhoneNumber("+8613800005678")
LATER = NOON + timedelta(seconds=1)
_WAITING = sql(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def test_orders_are_locked_by_their_ids_whatever_ends_them(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        followed = await an_order(db, carrier)
        left = await an_order(db, carrier, asked(number=LEFT, now=LATER), now=LATER)
    async with engine.begin() as settling:
        await settling.execute(_locking(followed))
        telling = asyncio.create_task(_tell(engine, carrier))
        await _until_somebody_waits(engine)
        # Who waits for the older order does not have the younger one yet.
        await settling.execute(_locking(left, nowait=True))
    await telling
    async with engine.connect() as db:
        statuses = await db.execute(select(orders.c.status))
        assert list(statuses.scalars()) == [OrderStatus.CANCELLED] * 2


async def _tell(engine: AsyncEngine, carrier: Carrier) -> None:
    lines = [
        HoldingLine(1, LEFT, HoldingEvent.DISCONNECTED, date(2026, 11, 1)),
        HoldingLine(2, NUMBER, HoldingEvent.TRANSFERRED, date(2026, 11, 1)),
    ]
    async with engine.begin() as db:
        await take_lines(db, LATER, lines, asking(carrier), INTAKE)


def _locking(order_id: OrderId, *, nowait: bool = False) -> Select[tuple[UUID]]:
    found = select(orders.c.id).where(orders.c.id == order_id)
    return found.with_for_update(key_share=True, nowait=nowait)


async def _until_somebody_waits(engine: AsyncEngine) -> None:
    async with asyncio.timeout(60):
        waiting = 0
        while not waiting:
            async with engine.connect() as db:
                waiting = (await db.execute(_WAITING)).scalar_one()
