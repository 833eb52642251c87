"""The timeline of an order, as a list and live."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.clock import FixedClock
from tests.support.event_streams import following, names
from tests.support.order_api import Scene, a_scene, not_bound, order_body, query_body

STREAM = {"Accept": "text/event-stream"}
UNBOUND = {
    "outcome": "unbound",
    "removed": 1,
    "last_bound_at": "2024-05-01T00:00:00Z",
}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "zhihu") as made:
        yield made


@pytest.fixture
async def live(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """The same broker behind a real port."""
    async with on_a_port(a_runtime(scene.engine, scene.clock)) as http:
        yield http


async def an_order(scene: Scene, **changes: object) -> str:
    answer = await scene.post("/v1/orders", order_body(**changes))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def stream(scene: Scene, path: str, **headers: str) -> httpx.Response:
    """Read a stream to its end; only for orders that are over."""
    asked = {**scene.carrier_headers, **STREAM, **headers}
    return await scene.http.get(f"{path}/events", headers=asked)


async def test_the_list_tells_what_happened_oldest_first(scene: Scene) -> None:
    order_id = await an_order(scene)
    scene.clock.advance(timedelta(seconds=1))
    await scene.report("weibo", {"id": order_id, "outcome": "acknowledged"})
    scene.clock.advance(timedelta(seconds=1))
    await scene.report("zhihu", not_bound(order_id))
    scene.clock.advance(timedelta(seconds=1))
    await scene.report("weibo", {"id": order_id, **UNBOUND})
    order = (await scene.get(f"/v1/orders/{order_id}")).json()
    events = (await scene.get(f"/v1/orders/{order_id}/events")).json()["data"]
    assert names(events) == [
        "order.created",
        "item.acknowledged weibo",
        "item.acknowledged zhihu",
        "item.not_bound zhihu",
        "item.unbound weibo",
        "order.completed",
    ]
    assert [event["at"][-3:] for event in events] == [
        "00Z",
        "01Z",
        "02Z",
        "02Z",
        "03Z",
        "03Z",
    ]
    assert [events[4]["item"], events[3]["item"]] == order["items"]
    assert events[1]["item"]["status"] == "acknowledged"
    assert events[1]["item"]["removed"] is None
    assert len({event["id"] for event in events}) == len(events)


async def test_a_hold_and_its_end_are_told(scene: Scene) -> None:
    order_id = await an_order(scene, scope="current_owner", platforms=["weibo"])
    held = (await scene.get(f"/v1/orders/{order_id}/events")).json()["data"]
    assert names(held) == ["order.created", "order.held"]
    assert held[1]["held_for"] == "undo_window"
    assert held[1]["held_until"] == "2026-11-21T04:00:00Z"
    await scene.post(f"/v1/orders/{order_id}/cancel", {})
    over = (await scene.get(f"/v1/orders/{order_id}/events")).json()["data"]
    assert names(over) == [
        "order.created",
        "order.held",
        "item.cancelled weibo",
        "order.cancelled",
    ]


async def test_a_query_has_a_timeline_too_and_no_other_carriers_has(
    scene: Scene,
) -> None:
    query_id = (await scene.post("/v1/queries", query_body())).json()["id"]
    order_id = await an_order(scene)
    assert (await scene.get(f"/v1/queries/{query_id}/events")).status_code == 200
    stranger = await scene.add_carrier("china-unicom")
    for path, headers in (
        (f"/v1/queries/{query_id}", stranger),
        (f"/v1/orders/{order_id}", stranger),
        (f"/v1/queries/qry_{order_id[4:]}", scene.carrier_headers),
        (f"/v1/orders/ord_{query_id[4:]}", scene.carrier_headers),
        (f"/v1/orders/{query_id}", scene.carrier_headers),
    ):
        for form in ({}, STREAM):
            answer = await scene.http.get(f"{path}/events", headers={**headers, **form})
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("text/event-stream, */*;q=0.1", "text/event-stream"),
        ("image/png", "application/json"),
    ],
)
async def test_the_form_is_the_one_that_is_wanted(
    scene: Scene, accept: str, kind: str
) -> None:
    order_id = await an_order(scene)
    await scene.post(f"/v1/orders/{order_id}/cancel", {})
    headers = {**scene.carrier_headers, "Accept": accept}
    answer = await scene.http.get(f"/v1/orders/{order_id}/events", headers=headers)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["vary"] == "Accept, Authorization"


async def test_only_get_is_answered(scene: Scene) -> None:
    path = f"/v1/orders/{await an_order(scene)}/events"
    for method in ("HEAD", "POST", "DELETE"):
        answer = await scene.http.request(method, path, headers=scene.carrier_headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_the_stream_of_a_finished_order_tells_all_and_ends(
    scene: Scene,
) -> None:
    order_id = await an_order(scene)
    for slug in ("weibo", "zhihu"):
        await scene.report(slug, not_bound(order_id))
    path = f"/v1/orders/{order_id}"
    told = await stream(scene, path)
    listed = (await scene.get(f"{path}/events")).json()
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["x-accel-buffering"] == "no"
    assert told.text.startswith("retry: ")
    assert told.text.count("event: order.completed") == 1
    assert told.text.rsplit("id: ", 1)[1].splitlines()[0] == listed["last_event_id"]
    again = await stream(scene, path, **{"Last-Event-ID": listed["last_event_id"]})
    assert (again.status_code, again.content) == (204, b"")


async def test_a_stream_begins_with_what_the_list_tells(
    scene: Scene, live: httpx.AsyncClient
) -> None:
    order_id = await an_order(scene)
    await scene.report("weibo", {"id": order_id, **UNBOUND})
    path = f"/v1/orders/{order_id}"
    listed = (await scene.get(f"{path}/events")).json()
    async with following(live, path, scene.carrier_headers) as events:
        assert await events.take(3) == listed["data"]
        assert events.last_id == listed["last_event_id"]
        assert events.retry is not None
        assert 1000 <= events.retry <= 3000


async def test_what_happens_is_told_live_until_the_order_is_over(
    scene: Scene, live: httpx.AsyncClient
) -> None:
    order_id = await an_order(scene)
    path = f"/v1/orders/{order_id}"
    async with following(live, path, scene.carrier_headers) as events:
        assert names(await events.take(1)) == ["order.created"]
        working = {"id": order_id, "outcome": "in_progress"}
        await scene.report("weibo", working)
        assert names(await events.take(2)) == [
            "item.acknowledged weibo",
            "item.in_progress weibo",
        ]
        later = {**working, "expected_at": "2026-11-22T00:00:00Z"}
        await scene.report("weibo", later)
        [moved] = await events.take(1)
        assert moved["item"]["expected_at"] == "2026-11-22T00:00:00Z"
        await scene.report("weibo", {"id": order_id, **UNBOUND})
        assert names(await events.take(1)) == ["item.unbound weibo"]
        await scene.report("zhihu", not_bound(order_id))
        assert names(await events.rest()) == [
            "item.acknowledged zhihu",
            "item.not_bound zhihu",
            "order.completed",
        ]


async def test_after_a_drop_another_process_goes_on_where_it_was(
    scene: Scene, live: httpx.AsyncClient
) -> None:
    order_id = await an_order(scene)
    path, headers = f"/v1/orders/{order_id}", scene.carrier_headers
    await scene.report("weibo", {"id": order_id, "outcome": "acknowledged"})
    told = []
    async with following(live, path, headers) as events:
        told += await events.take(1)
        last_id = events.last_id
    await scene.report("weibo", {"id": order_id, **UNBOUND})
    async with (
        on_a_port(a_runtime(scene.engine, scene.clock)) as other,
        following(other, path, headers, last_id) as events,
    ):
        told += await events.take(1)
        last_id = events.last_id
    await scene.report("zhihu", not_bound(order_id))
    async with following(live, path, headers, last_id) as events:
        told += await events.rest()
    listed = (await scene.get(f"{path}/events")).json()["data"]
    assert names(told) == names(listed)
    assert told == listed


async def test_a_place_in_another_order_or_none_begins_at_the_start(
    scene: Scene,
) -> None:
    first, second = await an_order(scene), await an_order(scene)
    for slug in ("weibo", "zhihu"):
        await scene.report(slug, not_bound(first), not_bound(second))
    path = f"/v1/orders/{second}"
    foreign = (await scene.get(f"/v1/orders/{first}/events")).json()["last_event_id"]
    whole = await stream(scene, path)
    for place in (foreign, "", "!", "A" * 10_000, foreign[:-4]):
        answer = await stream(scene, path, **{"Last-Event-ID": place})
        assert answer.text == whole.text, place


async def test_a_correction_after_the_end_is_told_to_whoever_comes_back(
    scene: Scene,
) -> None:
    order_id = await an_order(scene)
    for slug in ("weibo", "zhihu"):
        await scene.report(slug, not_bound(order_id))
    path = f"/v1/orders/{order_id}"
    last_id = (await scene.get(f"{path}/events")).json()["last_event_id"]
    await scene.report("weibo", {"id": order_id, **UNBOUND, "amend": True})
    answer = await stream(scene, path, **{"Last-Event-ID": last_id})
    assert answer.text.count("event: ") == 1
    assert "event: item.unbound" in answer.text
