"""Made-up platforms are registered once, ready to be asked."""

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_platform
from tests.support.clock import NOON
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.endpoints.states import Delivery, EndpointStatus
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.platforms.catalogue import (
    CATEGORIES,
    SENSITIVE_CATEGORIES,
    load_catalogue,
)
from unbind_broker.platforms.rehearsed import REHEARSED, ensure_rehearsed
from unbind_broker.platforms.service import find
from unbind_broker.platforms.tables import World, platforms

ACTOR = "key:0"


async def test_each_is_ready_to_be_asked(db: Db) -> None:
    await ensure_rehearsed(db, NOON, ACTOR)
    rows = (
        await db.execute(
            select(
                platforms.c.slug,
                platforms.c.world,
                endpoints.c.delivery,
                endpoints.c.status,
                endpoints.c.verified_at,
                endpoint_leases.c.epoch,
            )
            .join(endpoints, endpoints.c.platform_id == platforms.c.id)
            .join(endpoint_leases, endpoint_leases.c.endpoint_id == endpoints.c.id)
            .order_by(platforms.c.slug)
        )
    ).all()
    ready = (World.REHEARSED, Delivery.PULL, EndpointStatus.ACTIVE, NOON, 0)
    assert [tuple(row) for row in rows] == [(slug, *ready) for slug in REHEARSED]


async def test_those_that_are_there_stay_as_they_are(db: Db) -> None:
    taken = await a_platform(db, "sandbox-shop")
    for _ in range(2):
        await ensure_rehearsed(db, NOON, ACTOR)
    kept = await find(db, "sandbox-shop")
    facts = audit_events.c.facts
    told = select(facts).where(audit_events.c.action == "platforms.made_up")
    assert kept == taken
    assert (await db.execute(told)).scalars().all() == [
        {"slugs": [slug for slug in REHEARSED if slug != "sandbox-shop"]}
    ]


async def test_two_that_register_them_at_once_register_each_once(
    engine: AsyncEngine,
) -> None:
    async def ensure() -> None:
        async with engine.begin() as db:
            await ensure_rehearsed(db, NOON, ACTOR)

    await asyncio.gather(*(ensure() for _ in range(4)))
    async with engine.connect() as db:
        slugs = (await db.execute(select(platforms.c.slug))).scalars().all()
        posts = (await db.execute(select(endpoints.c.id))).scalars().all()
    assert (sorted(slugs), len(posts)) == (sorted(REHEARSED), len(REHEARSED))


def test_none_is_a_real_service_and_one_is_sensitive() -> None:
    real = load_catalogue()
    profiles = REHEARSED.values()
    assert not REHEARSED.keys() & {one.slug for one in real}
    assert not {one.name_zh for one in profiles} & {one.name_zh for one in real}
    assert {one.category for one in profiles} <= CATEGORIES
    assert all(
        one.sensitive == (one.category in SENSITIVE_CATEGORIES) for one in profiles
    )
    assert [slug for slug, one in REHEARSED.items() if one.sensitive] == [
        "sandbox-dating"
    ]
