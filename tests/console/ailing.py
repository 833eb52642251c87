"""Platforms in trouble, and 199 that are well beside one of them."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.endpoints.tables import endpoints

SINCE = NOON - timedelta(minutes=38)


async def enroll_200(engine: AsyncEngine, ill_one: str) -> None:
    """Register ``site-001`` to ``site-200``, of which one answers 503."""
    async with engine.begin() as db:
        for place in range(1, 201):
            slug = f"site-{place:03}"
            if slug == ill_one:
                await ill(db, slug, Condition.OPEN, "answered 503")
            else:
                await a_reachable_platform(db, slug)


async def ill(db: Db, slug: str, condition: Condition, error: str | None) -> EndpointId:
    """A platform that fails for 38 minutes, or did until just now."""
    endpoint = (await an_endpoint(db, await a_platform(db, slug))).endpoint
    await fall_ill(db, endpoint.id, condition, error)
    return endpoint.id


async def fall_ill(
    db: Db, endpoint_id: EndpointId, condition: Condition, error: str | None
) -> None:
    health = Health(
        condition,
        SINCE + timedelta(minutes=1),
        open_until=NOON + timedelta(minutes=5) if error else None,
        last_success_at=SINCE - timedelta(minutes=1),
        failing_since=SINCE if error else None,
        failures=41 if error else 0,
        last_error=error,
    )
    await health_store.save(db, {endpoint_id: health})


async def fail_all(engine: AsyncEngine) -> None:
    """Let every endpoint answer 503 from now on."""
    async with engine.begin() as db:
        for endpoint_id in (await db.execute(select(endpoints.c.id))).scalars():
            await fall_ill(db, endpoint_id, Condition.OPEN, "answered 503")
