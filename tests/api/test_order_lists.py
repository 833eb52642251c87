"""Lists of orders and queries, while others write."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.joining import a_number
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.order_builders import an_order, asked
from unbind_broker.api.pages import write_cursor
from unbind_broker.base.ids import OrderId
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

PLACES = ("/v1/orders", "/v1/queries")
KINDS = {"/v1/orders": OrderKind.UNBIND, "/v1/queries": OrderKind.QUERY}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


def body(place: str, **changes: Any) -> dict[str, Any]:
    return query_body(**changes) if place == "/v1/queries" else order_body(**changes)


async def listed(scene: Scene, place: str, **query: str | int) -> list[str]:
    answer = await scene.get(place, **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


async def test_orders_and_queries_have_lists_of_their_own(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    query = (await scene.post("/v1/queries", query_body())).json()
    assert await listed(scene, "/v1/orders") == [order["id"]]
    page = (await scene.get("/v1/queries")).json()
    (shown,) = page["data"]
    assert page["next_cursor"] is None
    assert "items" not in shown
    assert shown == {name: query[name] for name in shown}


@pytest.mark.parametrize("place", PLACES)
async def test_filters_narrow_a_list(scene: Scene, place: str) -> None:
    number = f"{a_number(1).e164}"
    first = (await scene.post(place, body(place, reference="A"))).json()
    scene.clock.advance(timedelta(hours=1))
    second = (await scene.post(place, body(place, number=number))).json()
    await scene.report("weibo", {"id": second["id"], "outcome": "not_bound"})
    both = [second["id"], first["id"]]
    assert await listed(scene, place) == both
    assert await listed(scene, place, reference="A") == both[1:]
    assert await listed(scene, place, reference="a") == []
    assert await listed(scene, place, status="completed") == both[:1]
    assert await listed(scene, place, status="in_progress") == both[1:]
    assert await listed(scene, place, created_after=first["created_at"]) == both[:1]
    narrow: dict[str, str | int] = {"status": "in_progress", "limit": 1}
    assert await listed(scene, place, **narrow) == both[1:]


@pytest.mark.parametrize("place", PLACES)
async def test_others_see_nothing_whatever_cursor_they_bring(
    scene: Scene, place: str
) -> None:
    for number in (1, 2, 3):
        await scene.post(place, body(place, number=a_number(number).e164))
    headers = await scene.add_carrier("china-unicom")
    cursor = (await scene.get(place, limit=1)).json()["next_cursor"]
    for query in ({}, {"cursor": cursor}, {"reference": "A"}):
        answer = await scene.http.get(place, params=query, headers=headers)
        assert answer.json() == {"data": [], "next_cursor": None}


WRONG = ["", "x", "%00", "e30", write_cursor("1"), write_cursor("weibo"), "A" * 201]


@pytest.mark.parametrize("cursor", WRONG)
@pytest.mark.parametrize("place", PLACES)
async def test_what_is_no_cursor_is_refused(
    scene: Scene, place: str, cursor: str
) -> None:
    answer = await scene.get(place, cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"


class Writers:
    """Orders that are written down, some of which are committed much later."""

    def __init__(self, scene: Scene, place: str, open_for: AsyncExitStack) -> None:
        self.scene = scene
        self.kind = KINDS[place]
        self.open_for = open_for
        self.under_way: list[tuple[Any, OrderId]] = []
        self.visible: set[str] = set()
        self.made = 0

    async def begin(self) -> None:
        db = await self.open_for.enter_async_context(self.scene.engine.connect())
        self.scene.clock.advance(timedelta(milliseconds=1))
        self.made += 1
        wanted = asked(self.kind, number=a_number(self.made))
        now = self.scene.clock.now()
        made = await an_order(db, self.scene.carrier, wanted, now=now)
        self.under_way.append((db, made))

    async def end(self, place: int) -> None:
        db, made = self.under_way.pop(place % len(self.under_way))
        await db.commit()
        await db.close()
        self.visible.add(show_order_id(self.kind, made))


async def walk(writers: Writers, place: str, chance: Random) -> None:
    """Read page after page while orders begin and are committed in any order."""
    before = set(writers.visible)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        limit = chance.randint(1, 3)
        page = (await writers.scene.get(place, limit=limit, **cursor)).json()
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        for _ in range(chance.randint(0, 3)):
            if writers.under_way and (
                chance.random() < 0.6 or len(writers.under_way) > 5
            ):
                await writers.end(chance.randrange(9))
            else:
                await writers.begin()
    assert len(set(seen)) == len(seen)
    assert before <= set(seen) <= writers.visible


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("place", PLACES)
async def test_pages_stay_right_whatever_is_committed_when(
    scene: Scene, place: str, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - chosen by the test, told by its name
    async with AsyncExitStack() as open_for:
        writers = Writers(scene, place, open_for)
        for _ in range(12):
            await writers.begin()
            if chance.random() < 0.7:
                await writers.end(chance.randrange(9))
            if len(writers.under_way) > 5:
                await writers.end(0)
        for _ in range(3):
            await walk(writers, place, chance)
        while writers.under_way:
            await writers.end(0)
    found = await listed(scene, place, limit=200)
    assert set(found) == writers.visible
    assert found == sorted(found, reverse=True)


async def test_a_list_reads_the_carriers_own_orders_only(scene: Scene) -> None:
    """A page costs what it shows, however much others have."""
    await scene.post("/v1/orders", order_body())
    async with scene.engine.connect() as db:
        plan = await db.execute(
            text(
                "EXPLAIN SELECT * FROM orders WHERE carrier_id = 1 AND NOT hidden "
                "ORDER BY id DESC LIMIT 51"
            )
        )
        assert "carrier_id_id_idx" in "\n".join(plan.scalars())
