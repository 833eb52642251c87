"""A platform fetches while something else happens to what it fetches."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.attempts import endpoint_of
from tests.support.builders import a_carrier, a_key, a_platform
from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.order_builders import an_order
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from unbind_broker.base.clock import SystemClock
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items

ENDPOINT = "/v1/endpoint"
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        await made.add_platform("pulling", delivery=Delivery.PULL)
        yield made


async def fetch(scene: Scene) -> httpx.Response:
    headers = scene.platform_headers["pulling"]
    return await scene.http.get("/v1/items", headers=headers)


async def test_what_was_called_back_is_locked_after_items_as_by_who_reports(
    scene: Scene, engine: AsyncEngine
) -> None:
    gone = (await scene.post("/v1/orders", order_body())).json()["id"]
    await fetch(scene)
    await scene.post(f"/v1/orders/{gone}/cancel", {})
    await scene.post("/v1/orders", order_body(number="+8613800001005"))
    async with engine.connect() as db:
        endpoint = await endpoint_of(db, scene.platforms["pulling"].id)
    called_back = select(deliveries.c.id).where(
        deliveries.c.endpoint_id == endpoint,
        deliveries.c.event == EventType.UNBIND_CANCELLED,
    )

    async def waits() -> bool:
        async with engine.connect() as db:
            return bool((await db.execute(_WAITING)).scalar_one())

    async with engine.begin() as db:
        queued = items.c.status == ItemStatus.QUEUED
        await db.execute(select(items.c.order_id).where(queued).with_for_update())
        fetching = asyncio.create_task(fetch(scene))
        await eventually(waits)
        free = called_back.with_for_update(skip_locked=True)
        assert len((await db.execute(free)).all()) == 1
    told = (await fetching).json()["data"]
    assert [one["type"] for one in told] == ["unbind.cancelled", "unbind.requested"]


async def test_what_was_fetched_while_a_turn_and_back_was_verified_is_pushed(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    door = receiver.door("weibo")
    async with engine.begin() as db:
        carrier, platform = await a_carrier(db), await a_platform(db, "weibo")
        weibo = bearer(await a_key(db, platform))
    async with in_process(a_runtime(engine, SystemClock())) as api:
        post = {"url": door.url}
        made = await api.put(ENDPOINT, headers=weibo, json=post)
        door.secrets.append(made.json()["secret"])
        door.answers_challenges = False
        door.usual = Answer(hang=True)
        verifying = asyncio.create_task(api.post(f"{ENDPOINT}/verify", headers=weibo))
        await eventually(lambda: door.deliveries)
        for choice in ({"delivery": "pull"}, post):
            assert (await api.put(ENDPOINT, headers=weibo, json=choice)).is_success
        async with engine.begin() as db:
            await an_order(db, carrier, now=SystemClock().now())
        assert len((await api.get("/v1/items", headers=weibo)).json()["data"]) == 1
        challenge = door.deliveries[0].payload["data"]
        door.release(Answer(body=json.dumps(challenge).encode()))
        verified = await verifying
    assert verified.json()["delivery"] == "push"
    async with engine.connect() as db:
        latest: datetime = (
            await db.execute(select(func.max(deliveries.c.due_at)))
        ).scalar_one()
    assert latest <= SystemClock().now()
