"""Our side: workers as they come, endpoints that take one item at a time, or more."""

import sys
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.alternatives.trial import Trial
from benchmarks.backlog import a_model, register, release
from benchmarks.stack import environment_of
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items

_WORKER = (sys.executable, "-m", "unbind_broker", "worker")


async def our_trial(
    engine: AsyncEngine, urls: Iterable[str], orders: int, batch: int, processes: int
) -> Trial:
    """Queue as many orders for all of these endpoints."""
    places = list(urls)
    carrier, _ = await register(engine, places, batch)
    model = await a_model(engine, carrier)
    await release(engine, model, 1, orders - 1)
    statement = select(func.count()).select_from(items)

    async def recorded() -> int:
        async with engine.connect() as db:
            sent = statement.where(items.c.status == ItemStatus.ACKNOWLEDGED)
            return int((await db.execute(sent)).scalar_one())

    return Trial(
        commands=[_WORKER] * processes,
        environment=environment_of(engine.url.render_as_string(hide_password=False)),
        expected=orders * len(places),
        recorded=recorded,
    )
