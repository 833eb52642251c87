"""Orders for the console's pages: of one carrier, at a few platforms."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.scene import Console
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
)
from tests.support.undeliverable import refuse_payload
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.service import Platform


@dataclass
class Shop:
    """A carrier who orders, and the platforms that are asked."""

    engine: AsyncEngine
    clock: FixedClock
    carrier: Carrier
    platforms: dict[str, Platform] = field(default_factory=dict)

    async def order(
        self, place: int = 1, reference: str | None = None
    ) -> tuple[OrderId, str]:
        """An order about a number of its own: its id and its public id."""
        number = PhoneNumber(f"+861380000{place:04}")
        wanted = asked(number=number, reference=reference, now=self.clock.now())
        async with self.engine.begin() as db:
            order_id = await an_order(db, self.carrier, wanted, now=self.clock.now())
        return order_id, show_order_id(OrderKind.UNBIND, order_id)

    async def bring(self, order_id: OrderId, slug: str, status: ItemStatus) -> None:
        key = ItemKey(order_id, self.platforms[slug].id)
        async with self.engine.begin() as db:
            await bring_to(db, key, status, now=self.clock.now())

    async def refuse(self, order_id: OrderId, slug: str) -> ItemKey:
        """Let a platform refuse the payload of its item for good."""
        key = ItemKey(order_id, PlatformId(self.platforms[slug].id))
        await refuse_payload(self.engine, self.clock.now(), key)
        return key


async def a_shop(engine: AsyncEngine, clock: FixedClock, *slugs: str) -> Shop:
    """Platforms by these slugs; the one called ``dating`` is sensitive."""
    async with engine.begin() as db:
        shop = Shop(engine, clock, await a_carrier(db))
        for slug in slugs:
            sensitive = slug == "dating"
            made = await a_reachable_platform(db, slug, sensitive=sensitive)
            shop.platforms[slug] = made
    return shop


async def trail(console: Console, action: str) -> list[Any]:
    """What was written down of this action."""
    async with console.engine.connect() as db:
        found = select(audit_events).where(audit_events.c.action == action)
        return list((await db.execute(found)).all())


async def status(console: Console, key: ItemKey) -> ItemStatus:
    """How an item stands."""
    async with console.engine.connect() as db:
        found = select(items.c.status).where(
            items.c.order_id == key.order_id, items.c.platform_id == key.platform_id
        )
        stands: ItemStatus = (await db.execute(found)).scalar_one()
        return stands
