"""A report of a thousand lines costs as many statements as one of ten."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.order_builders import many_orders
from unbind_broker.base.ids import OrderId, Prefix, format_id, parse_id
from unbind_broker.callbacks.results import MAX_LINES
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.tables import items

FEW = 10
PAGE = 200
URL = "https://m.weibo.com/confirm"
SAID: dict[str, dict[str, Any]] = {
    "acknowledged": {},
    "in_progress": {
        "expected_at": "2026-11-24T00:00:00Z",
        "cooling_off_until": "2026-11-23T00:00:00Z",
    },
    "action_required": {"action": "verify_code", "action_url": URL},
    "unbound": {"removed": 1, "last_bound_at": "2024-05-01T00:00:00Z"},
}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


@pytest.mark.parametrize("outcome", SAID)
async def test_a_report_takes_as_many_statements_however_long_it_is(
    scene: Scene, outcome: str
) -> None:
    ids = await many_ids(scene, FEW + MAX_LINES)
    await report(scene, ids[:1], outcome)  # the first one looks its key up
    with counted(scene.engine) as for_few:
        few = await report(scene, ids[1:FEW], outcome)
    with counted(scene.engine) as for_many:
        many = await report(scene, ids[FEW:], outcome)
    assert set(few + many) == {"recorded"}
    assert len(many) == MAX_LINES
    assert [one.split()[0] for one in for_many] == [one.split()[0] for one in for_few]
    changes = [one for one in for_many if one.startswith("UPDATE items")]
    assert len(changes) == 1


async def test_interim_states_of_a_thousand_items_are_seen(scene: Scene) -> None:
    ids = await many_ids(scene, MAX_LINES)
    interim = ("acknowledged", "in_progress", "action_required")
    said = {one: interim[place % 3] for place, one in enumerate(ids)}
    lines = [{"id": one, "outcome": word, **SAID[word]} for one, word in said.items()]
    told = (await scene.report("weibo", *lines)).json()["results"]
    assert Counter(line["status"] for line in told) == {"recorded": MAX_LINES}
    async with scene.engine.connect() as db:
        columns = (items.c.status, items.c.action_url, items.c.cooling_off_until)
        found = (await db.execute(select(items.c.order_id, *columns))).all()
    for row in found:
        word = said[format_id(Prefix.ORDER, row.order_id)]
        assert row.status == word
        assert (row.action_url == URL) == (word == "action_required")
        assert (row.cooling_off_until is None) == (word != "in_progress")
    for one in ids[:3]:
        (item,) = (await scene.get(f"/v1/orders/{one}")).json()["items"]
        assert item["status"] == said[one]


async def test_columns_that_only_some_lines_fill_stay_with_their_lines(
    scene: Scene,
) -> None:
    nothing, some, refused = await many_ids(scene, 3)
    lines = [
        {"id": nothing, "outcome": "not_bound", "removed": 0},
        {"id": some, "outcome": "unbound", "kept": 0, **SAID["unbound"]},
        {"id": refused, "outcome": "refused", "reason": "legal_hold"},
    ]
    await scene.report("weibo", *lines)
    seen = [(await scene.get(f"/v1/orders/{one}")).json() for one in lines_ids(lines)]
    names = ("status", "removed", "kept", "reason")
    assert [tuple(order["items"][0][name] for name in names) for order in seen] == [
        ("not_bound", 0, None, None),
        ("unbound", 1, 0, None),
        ("refused", None, None, "legal_hold"),
    ]


async def test_two_callers_that_fetch_at_once_take_every_item_once(
    scene: Scene,
) -> None:
    await scene.add_platform("pulling", delivery=Delivery.PULL)
    expected = await many_ids(scene, 3 * PAGE, platforms=["pulling"])
    taken: Counter[str] = Counter()

    async def caller() -> None:
        while ids := await page(scene):
            lines = [{"id": one, "outcome": "acknowledged"} for one in ids]
            told = (await scene.report("pulling", *lines)).json()["results"]
            assert {line["status"] for line in told} <= {"recorded", "duplicate"}
            taken.update(one["id"] for one in told if one["status"] == "recorded")

    await asyncio.gather(caller(), caller())
    assert taken == Counter(expected)
    async with scene.engine.connect() as db:
        statuses = (await db.execute(select(items.c.status))).scalars()
    assert set(statuses) == {"acknowledged"}


async def many_ids(
    scene: Scene, count: int, platforms: list[str] | None = None
) -> list[str]:
    """Orders of one item each, all at the same platform."""
    body = order_body(platforms=platforms or ["weibo"])
    first = str((await scene.post("/v1/orders", body)).json()["id"])
    model = parse_id(first, Prefix.ORDER)
    assert model is not None
    async with scene.engine.begin() as db:
        copies = await many_orders(db, scene.carrier, count - 1, like=OrderId(model))
    return [first, *(format_id(Prefix.ORDER, one) for one in copies)]


async def report(scene: Scene, ids: list[str], outcome: str) -> list[str]:
    lines = [{"id": one, "outcome": outcome, **SAID[outcome]} for one in ids]
    answer = await scene.report("weibo", *lines)
    return [line["status"] for line in answer.json()["results"]]


async def page(scene: Scene) -> list[str]:
    answer = await scene.http.get(
        f"/v1/items?status=queued&limit={PAGE}",
        headers=scene.platform_headers["pulling"],
    )
    return [item["id"] for item in answer.json()["data"]]


def lines_ids(lines: list[dict[str, Any]]) -> list[str]:
    return [str(line["id"]) for line in lines]


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[list[str]]:
    """Note every statement that is sent, whoever sends it."""
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]).strip())

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
