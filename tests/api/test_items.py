from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.attempts import endpoint_of
from tests.support.builders import a_key, a_platform, an_endpoint
from tests.support.clock import FixedClock
from tests.support.order_api import (
    NUMBER,
    Scene,
    a_scene,
    not_bound,
    order_body,
    query_body,
)
from tests.support.order_builders import many_orders
from unbind_broker.api.connections import Connections
from unbind_broker.api.items import ROUNDS, take_in_all
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.ids import OrderId, Prefix, parse_id
from unbind_broker.deliveries.fetching import LOG_ROWS
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.states import Delivery, PausedBy

NEW = [f"+86138000010{place:02}" for place in range(7)]
_OTHERS = text(
    "INSERT INTO order_log (xid, order_id)"
    " SELECT pg_current_xact_id()::text::bigint, gen_random_uuid()"
    " FROM generate_series(1, :rows)"
)


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        await made.add_platform("pulling", delivery=Delivery.PULL)
        yield made


async def fetch(
    scene: Scene, slug: str = "pulling", query: str = ""
) -> list[dict[str, Any]]:
    answer = await scene.http.get(
        f"/v1/items{query}", headers=scene.platform_headers[slug]
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return list(answer.json()["data"])


async def test_items_are_fetched_as_they_would_be_posted(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    (item,) = await fetch(scene)
    assert item == {
        "type": "unbind.requested",
        "id": order["id"],
        "number": NUMBER,
        "scope": "previous_owner",
        "action": "detach",
        "owner_since": "2025-03-01",
        "bound_from": None,
        "bound_before": "2025-02-28T16:00:00Z",
        "carrier": "china-mobile",
        "created_at": "2026-11-20T04:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
        "attestation": None,
    }


async def test_the_nearest_deadline_comes_first(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    query = (await scene.post("/v1/queries", query_body())).json()
    found = await fetch(scene)
    assert [item["id"] for item in found] == [query["id"], order["id"]]
    assert [item["type"] for item in found] == ["query.requested", "unbind.requested"]
    assert [item["id"] for item in await fetch(scene, query="?limit=1")] == [
        query["id"]
    ]


async def test_an_item_is_handed_out_until_it_is_taken(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    assert len(await fetch(scene)) == 1
    assert len(await fetch(scene, query="?status=queued")) == 1
    taken = await scene.report(
        "pulling", {"id": order["id"], "outcome": "acknowledged"}
    )
    assert taken.json()["results"][0]["status"] == "recorded"
    assert await fetch(scene) == []
    seen = (await scene.get(f"/v1/orders/{order['id']}")).json()
    by_slug = {item["platform"]: item for item in seen["items"]}
    assert by_slug["pulling"]["status"] == "acknowledged"
    assert by_slug["pulling"]["attempts"] == 2
    assert by_slug["weibo"]["attempts"] == 0


async def test_a_result_takes_an_item_at_once(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    await scene.report("pulling", not_bound(order["id"]))
    assert await fetch(scene) == []


async def test_nothing_is_handed_out_before_its_window_or_after_its_deadline(
    scene: Scene,
) -> None:
    body = order_body(scope="current_owner", platforms=["pulling"])
    await scene.post("/v1/orders", body)
    await scene.post("/v1/queries", query_body())
    scene.clock.advance(timedelta(minutes=10))
    assert await fetch(scene) == []


async def test_handing_out_leaves_one_audit_event(scene: Scene) -> None:
    await fetch(scene)
    await scene.post("/v1/orders", order_body())
    await scene.post("/v1/queries", query_body())
    await fetch(scene)
    async with scene.engine.connect() as db:
        found = await db.execute(
            select(audit_events).where(audit_events.c.action == "items.handed_out")
        )
        (fact,) = found.all()
    assert (fact.actor, fact.facts["items"]) == ("platform:pulling", 2)
    assert NUMBER[3:] not in str(fact.facts)


async def test_platforms_that_are_posted_to_fetch_nothing(scene: Scene) -> None:
    answer = await scene.http.get("/v1/items", headers=scene.platform_headers["weibo"])
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint-is-push")


async def test_a_platform_without_an_endpoint_is_told_so(scene: Scene) -> None:
    async with scene.engine.begin() as db:
        key = await a_key(db, await a_platform(db, "new"))
    answer = await scene.http.get("/v1/items", headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_paused_platform_gets_nothing(scene: Scene) -> None:
    async with scene.engine.begin() as db:
        platform = await a_platform(db, "paused")
        await an_endpoint(
            db, platform, delivery=Delivery.PULL, paused_by=PausedBy.ADMIN
        )
        scene.platform_headers["paused"] = bearer(await a_key(db, platform))
    await scene.post("/v1/orders", order_body())
    assert await fetch(scene, "paused") == []


@pytest.mark.parametrize("query", ["?status=acknowledged", "?limit=0", "?limit=201"])
async def test_a_wrong_filter_is_refused(scene: Scene, query: str) -> None:
    answer = await scene.http.get(
        f"/v1/items{query}", headers=scene.platform_headers["pulling"]
    )
    assert answer.status_code == 422


async def test_carriers_fetch_nothing(scene: Scene) -> None:
    assert (await scene.get("/v1/items")).status_code == 403


async def test_what_was_called_back_is_fetched_until_it_is_acknowledged(
    scene: Scene,
) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    assert len(await fetch(scene)) == 1
    await scene.post(f"/v1/orders/{order['id']}/cancel", {})
    expected = {
        "type": "unbind.cancelled",
        "id": order["id"],
        "reason": "by_carrier",
        "cancelled_at": "2026-11-20T04:00:00Z",
    }
    assert await fetch(scene) == [expected]
    assert await fetch(scene) == [expected]
    line = {"id": order["id"], "outcome": "acknowledged"}
    await scene.report("pulling", line)
    assert await fetch(scene) == []


async def test_what_was_never_handed_out_is_not_called_back(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    await scene.post(f"/v1/orders/{order['id']}/cancel", {})
    assert await fetch(scene) == []


async def test_acknowledging_the_request_late_leaves_its_end_to_be_fetched(
    scene: Scene,
) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    await fetch(scene)
    await scene.post(f"/v1/orders/{order['id']}/cancel", {})
    await scene.report("pulling", {"id": order["id"], "outcome": "acknowledged"})
    assert [one["type"] for one in await fetch(scene)] == ["unbind.cancelled"]


async def test_an_end_that_is_long_past_is_not_fetched(
    scene: Scene, clock: FixedClock
) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    await fetch(scene)
    await scene.post(f"/v1/orders/{order['id']}/cancel", {})
    clock.advance(timedelta(days=20))
    assert await fetch(scene) == []


async def test_the_log_is_read_in_rounds(scene: Scene) -> None:
    """Each goes on where the last one ended; the next call where the rounds ended."""
    asked = [(await scene.post("/v1/orders", order_body(number=n))).json() for n in NEW]
    platform = scene.platforms["pulling"].id
    connections = Connections(scene.engine, scene.engine)
    async with connections.connect() as db:
        endpoint = await endpoint_of(db, platform)
    found = []
    for rounds in (1, 2, 1):
        ended = await take_in_all(connections, endpoint, platform, rounds, rows=2)
        async with scene.engine.connect() as db:
            taken = (await db.execute(select(deliveries.c.order_id))).all()
        found.append((ended, len(taken)))
    assert found == [(False, 2), (False, len(NEW) - 1), (True, len(NEW))]
    assert {one["id"] for one in await fetch(scene)} == {one["id"] for one in asked}


async def test_rounds_go_on_while_the_cursor_may_not(scene: Scene) -> None:
    """It does not pass a transaction that still runs."""
    platform = scene.platforms["pulling"].id
    connections = Connections(scene.engine, scene.engine)
    async with scene.engine.begin() as running:
        endpoint = await endpoint_of(running, platform)
        await running.execute(select(func.pg_current_xact_id()))
        for number in NEW:
            await scene.post("/v1/orders", order_body(number=number))
        assert await take_in_all(connections, endpoint, platform, len(NEW), rows=2)
    assert len(await fetch(scene)) == len(NEW)


async def test_what_is_urgent_is_found_behind_much_that_is_not(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    first = parse_id(order["id"], Prefix.ORDER)
    assert first is not None
    async with scene.engine.begin() as db:
        await many_orders(db, scene.carrier, LOG_ROWS, like=OrderId(first))
    query = (await scene.post("/v1/queries", query_body(number=NEW[0]))).json()
    assert [one["id"] for one in await fetch(scene, query="?limit=1")] == [query["id"]]


async def test_nothing_is_said_to_wait_only_when_all_of_the_log_was_read(
    scene: Scene,
) -> None:
    """Orders of others lie before the one that waits: more than one call reads."""
    async with scene.engine.begin() as db:
        await db.execute(_OTHERS, {"rows": ROUNDS * LOG_ROWS})
    order = (await scene.post("/v1/orders", order_body())).json()
    headers = scene.platform_headers["pulling"]
    answer = await scene.http.get("/v1/items", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"
    assert [one["id"] for one in await fetch(scene)] == [order["id"]]
