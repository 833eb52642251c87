"""A platform that was asked one thing, and what administrators can do about it."""

from tests.console.scene import Console
from tests.support.builders import a_carrier
from tests.support.order_builders import a_reachable_platform, an_order
from unbind_broker.base.ids import OrderId
from unbind_broker.platforms.service import Platform

DEEDS = ("pause", "resume", "suspend", "readmit", "requeue", "redeliver")


async def asked(console: Console) -> tuple[Platform, OrderId]:
    """Weibo, which was asked one thing."""
    async with console.engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        return platform, await an_order(db, carrier)
