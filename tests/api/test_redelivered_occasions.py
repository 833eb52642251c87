"""What is sent again bears the name of the occasion on which it was sent last."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.attempts import an_attempt
from tests.support.clearings import a_published
from tests.support.clock import FixedClock
from tests.support.findings import is_done
from tests.support.order_api import Scene, a_scene
from tests.support.order_builders import bring_to
from tests.support.undeliverable import Desk, a_desk, uuid_of
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import clearance_waves, clearances
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus

SINCE = {"since": "2026-11-20T03:00:00Z"}
WAVE = EventType.CLEARANCE_PUBLISHED


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "taobao") as made:
        yield made


@pytest.fixture
async def desk(scene: Scene) -> Desk:
    return await a_desk(scene)


async def redeliver(scene: Scene, body: dict[str, Any]) -> dict[str, Any]:
    headers = scene.platform_headers["weibo"]
    path = "/v1/endpoint/redeliver"
    answer = await scene.http.post(path, json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def is_taken(desk: Desk, item_id: str) -> None:
    """Let weibo have taken what was queued for it."""
    key = desk.key(item_id, "weibo")
    async with desk.engine.begin() as db:
        await db.execute(delete(deliveries))
        await bring_to(db, key, ItemStatus.ACKNOWLEDGED)


async def test_an_item_that_was_requeued_goes_by_its_last_name(desk: Desk) -> None:
    item_id = await desk.refused()
    await desk.requeue(item_id)
    await desk.refuse(item_id, "weibo", "taobao")
    desk.scene.clock.advance(timedelta(seconds=1))
    await desk.requeue(item_id)
    (row,) = await desk.queued()
    last: UUID = row.occasion
    desk.scene.clock.advance(timedelta(seconds=1))
    named = {"item": item_id, "platform": "taobao"}
    await desk.requeue(items=[named])
    await is_taken(desk, item_id)
    await redeliver(desk.scene, {"items": [item_id]})
    (row,) = await desk.queued()
    assert (row.order_id, row.occasion, row.replay) == (uuid_of(item_id), last, True)


async def test_one_that_never_was_goes_by_its_first(desk: Desk) -> None:
    item_id = await desk.order()
    await is_taken(desk, item_id)
    await redeliver(desk.scene, {"items": [item_id]})
    (row,) = await desk.queued()
    assert row.occasion is None


@pytest.fixture
async def path(scene: Scene) -> str:
    """A clearance of two numbers; weibo was told of its wave twice."""
    path = await a_published(scene, range(2))
    async with scene.engine.begin() as db:
        await db.execute(delete(deliveries))
        wave = (await db.execute(select(clearance_waves.c.notice_id))).scalar_one()
        weibo = scene.platforms["weibo"].id
        for occasion in (None, UUID(int=9)):
            await an_attempt(db, weibo, [wave], event=WAVE, occasion=occasion)
    return path


async def queued(scene: Scene) -> list[tuple[EventType, UUID | None]]:
    async with scene.engine.connect() as db:
        found = await db.execute(select(deliveries.c.event, deliveries.c.occasion))
        return [(row.event, row.occasion) for row in found]


@pytest.mark.usefixtures("path")
async def test_waves_of_clearances_are_told_of_again(scene: Scene) -> None:
    found = await redeliver(scene, SINCE)
    assert (found["scheduled"], found["closed"]) == (1, 0)
    assert await queued(scene) == [(WAVE, UUID(int=9))]


async def test_waves_that_are_done_are_not(scene: Scene, path: str) -> None:
    await is_done(scene, "weibo", path)
    found = await redeliver(scene, SINCE)
    assert (found["scheduled"], found["closed"]) == (0, 1)
    assert await queued(scene) == []


@pytest.mark.usefixtures("path")
async def test_nor_are_those_that_are_over_or_stand_still(scene: Scene) -> None:
    stopped = {"status": ClearanceStatus.STOPPED}
    for change in ({"deadline": scene.clock.now()}, stopped):
        async with scene.engine.begin() as db:
            await db.execute(update(clearances).values(change))
        assert (await redeliver(scene, SINCE))["closed"] == 1
    assert await queued(scene) == []


@pytest.mark.usefixtures("path")
async def test_who_names_statuses_hears_of_items_only(scene: Scene) -> None:
    found = await redeliver(scene, {**SINCE, "status": ["acknowledged"]})
    assert (found["scheduled"], found["closed"]) == (0, 0)
    assert await queued(scene) == []
