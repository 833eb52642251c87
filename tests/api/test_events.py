"""Carriers read what they were told, as JSON, oldest first."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON, FixedClock
from tests.support.order_api import Scene, a_scene, order_body, query_body
from unbind_broker.api.events import ToldEventPage
from unbind_broker.base.ids import Prefix, format_id, new_uuid7, parse_id
from unbind_broker.endpoints.events import EventType
from unbind_broker.notices.telling import tell


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def told(
    scene: Scene, event: EventType, order: str | None = None, **data: object
) -> str:
    about = None if order is None else parse_id(order, Prefix.QUERY, Prefix.ORDER)
    async with scene.engine.begin() as db:
        made = await tell(db, NOON, scene.carrier.id, event, about, data)
    return format_id(Prefix.EVENT, made)


async def test_event_is_what_its_webhook_says(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()["id"]
    event = await told(
        scene, EventType.ORDER_HELD, order, order_id=order, reference="店 1"
    )
    answer = await scene.get("/v1/events")
    assert answer.status_code == 200
    ToldEventPage.model_validate_json(answer.content)
    assert answer.json() == {
        "data": [
            {
                "id": event,
                "type": "order.held",
                "timestamp": "2026-11-20T04:00:00Z",
                "order_id": order,
                "data": {"order_id": order, "reference": "店 1"},
            }
        ],
        "next_cursor": None,
    }


async def test_queries_keep_their_own_ids(scene: Scene) -> None:
    query = (await scene.post("/v1/queries", query_body())).json()["id"]
    await told(scene, EventType.ORDER_HELD, query)
    (event,) = (await scene.get("/v1/events")).json()["data"]
    assert event["order_id"] == query


async def test_event_about_no_order_names_none(scene: Scene) -> None:
    await told(scene, EventType.CARRIER_BRAKED)
    (event,) = (await scene.get("/v1/events")).json()["data"]
    assert "order_id" not in event


async def test_reading_on_begins_behind_the_last_event(scene: Scene) -> None:
    made = [await told(scene, EventType.CARRIER_BRAKED, n=n) for n in range(5)]
    first = (await scene.get("/v1/events", limit=3)).json()
    assert [one["id"] for one in first["data"]] == made[:3]
    assert first["next_cursor"] == made[2]
    second = (await scene.get("/v1/events", after=first["next_cursor"])).json()
    assert [one["id"] for one in second["data"]] == made[3:]
    assert second["next_cursor"] is None
    assert (await scene.get("/v1/events", after=made[4])).json()["data"] == []
    paged = await scene.get("/v1/events", cursor=first["next_cursor"])
    assert paged.json() == second
    made.append(await told(scene, EventType.CARRIER_BRAKED))
    later = (await scene.get("/v1/events", after=made[4].upper())).json()
    assert [one["id"] for one in later["data"]] == made[5:]


@pytest.mark.parametrize(
    "after", ["nonsense", "ord_01kb2x5c7zf3v8h1m4n6p9q2rs", "evt_1", "evt_" + "u" * 26]
)
async def test_what_is_no_event_is_refused(scene: Scene, after: str) -> None:
    answer = await scene.get("/v1/events", after=after)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/query/after"]


async def test_two_places_to_read_on_from_are_refused(scene: Scene) -> None:
    event = await told(scene, EventType.CARRIER_BRAKED)
    answer = await scene.get("/v1/events", after=event, cursor=event)
    assert answer.status_code == 422


async def test_unknown_events_and_those_of_others_are_not_found_alike(
    scene: Scene,
) -> None:
    event = await told(scene, EventType.CARRIER_BRAKED)
    other = await scene.add_carrier("china-telecom")
    unknown = format_id(Prefix.EVENT, new_uuid7(NOON - timedelta(days=1)))
    details = set()
    for after in (event, unknown, format_id(Prefix.EVENT, UUID(int=1))):
        answer = await scene.http.get(f"/v1/events?after={after}", headers=other)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
        details.add(answer.json()["detail"])
    assert len(details) == 1
    assert (await scene.http.get("/v1/events", headers=other)).json()["data"] == []


async def test_platforms_have_no_feed(scene: Scene) -> None:
    headers = scene.platform_headers["weibo"]
    answer = await scene.http.get("/v1/events", headers=headers)
    assert answer.status_code == 403
