"""Violations in the console: what went too far, and how undoing it goes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.console.scene import Console
from tests.support.guards import OUTSIDE, removed
from tests.support.order_api import Scene, a_scene, order_body
from unbind_broker.callbacks.violation_views import (
    WantedViolations,
    list_violations,
)
from unbind_broker.carriers import brakes
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import ITEM_STATUSES
from unbind_broker.keys.tables import Role

PAGE = "/console/violations"


@pytest.fixture
async def scene(console: Console) -> AsyncIterator[Scene]:
    async with a_scene(console.engine, console.clock, "weibo", "douyin") as made:
        yield made


async def violated(scene: Scene, slug: str, place: int = 0) -> tuple[str, str]:
    """Give the ids of an order and of the one that has it undone."""
    number = f"+861380000{place:04}"
    answer = await scene.post("/v1/orders", order_body(number=number))
    order_id = str(answer.json()["id"])
    scene.clock.advance(timedelta(seconds=1))
    told = await scene.report(slug, removed(order_id, OUTSIDE))
    (line,) = told.json()["results"]
    assert line["code"] == "outside-interval"
    return order_id, number


async def page(console: Console, path: str = PAGE) -> str:
    answer = await console.get(path, accept_language="en")
    assert answer.status_code == 200
    return answer.text


async def test_nothing_went_too_far(console: Console) -> None:
    await console.sign_in()
    assert "There is no violation" in await page(console)


async def test_violation_leads_to_its_order_and_its_undoing(
    console: Console, scene: Scene
) -> None:
    order_id, number = await violated(scene, "weibo")
    await console.sign_in()
    shown = await page(console)
    assert f'href="/console/orders/{order_id}"' in shown
    assert shown.count('href="/console/orders/ord_') == 2
    assert ITEM_STATUSES[ItemStatus.QUEUED].en in shown
    assert number not in shown


async def test_list_is_filtered(console: Console, scene: Scene) -> None:
    await violated(scene, "weibo", 1)
    await violated(scene, "douyin", 2)
    await console.sign_in()
    for query, found in (
        ({"platform": "weibo"}, ["weibo"]),
        ({"platform": "nobody"}, []),
        ({"carrier": scene.carrier.slug}, ["weibo", "douyin"]),
    ):
        shown = (await console.seek("violations", **query)).text
        cells = [one for one in ("weibo", "douyin") if f">{one}</td>" in shown]
        assert cells == found, query


async def test_braked_carrier_is_marked(console: Console, scene: Scene) -> None:
    await violated(scene, "weibo")
    await console.sign_in()
    assert "braked</span>" not in await page(console)
    async with console.engine.begin() as db:
        now = console.clock.now()
        await brakes.engage(db, now, scene.carrier.id, "too many", "broker")
    assert "braked</span>" in await page(console)


async def test_list_goes_on_behind_a_place(console: Console, scene: Scene) -> None:
    await violated(scene, "weibo", 1)
    await violated(scene, "douyin", 2)
    async with console.engine.connect() as db:
        newest, _ = await list_violations(db, WantedViolations(), None, 2)
    await console.sign_in()
    rest = await page(console, f"{PAGE}?behind={newest.id}")
    assert ">douyin</td>" not in rest
    assert ">weibo</td>" in rest
    assert f'<a href="{PAGE}">First page</a>' in rest
    assert (await console.get(f"{PAGE}?behind=x")).status_code == 422


async def test_auditors_have_no_such_page(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(PAGE)).status_code == 403
