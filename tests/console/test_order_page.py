"""One order: its platforms, its steps, its number, and what is done about it."""

import pytest
from sqlalchemy import update

from tests.console.ordering import Shop, a_shop, status, trail
from tests.console.scene import Console
from tests.support.attempts import an_attempt
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

NUMBER = "+8613800000001"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def shop(console: Console) -> Shop:
    await console.sign_in()
    return await a_shop(console.engine, console.clock, "weibo", "dating")


async def test_order_shows_sensitive_platforms_marked(
    console: Console, shop: Shop
) -> None:
    _, name = await shop.order()
    page = (await console.get(f"/console/orders/{name}", accept_language="en")).text
    assert "dating platform" in page
    assert page.count("Sensitive: never name it") == 1
    assert "+86138****0001" in page
    assert NUMBER not in page


async def test_order_tells_its_steps(console: Console, shop: Shop) -> None:
    order_id, name = await shop.order()
    await shop.bring(order_id, "weibo", ItemStatus.ACKNOWLEDGED)
    live = await console.get(f"/console/orders/{name}/live", accept_language="en")
    steps = live.text.partition('id="steps"')[2]
    assert "Accepted" in steps
    assert "Taken" in steps
    assert "weibo platform" in steps
    assert "5 working days" in live.text


async def test_what_follows_from_answers_stands_behind_them(
    console: Console, shop: Shop
) -> None:
    order_id, name = await shop.order()
    for slug in shop.platforms:
        await shop.bring(order_id, slug, ItemStatus.UNBOUND)
    async with console.engine.begin() as db:
        await settle(db, console.clock.now(), [order_id])
    live = await console.get(f"/console/orders/{name}/live", accept_language="en")
    steps = live.text.partition('class="steps"')[2]
    places = [steps.index(f" {words}<") for words in ("Completed", "Unbound", "Taken")]
    assert places == sorted(places)
    assert places[-1] < steps.index(" Accepted<")


async def test_hostile_words_are_shown_as_words(console: Console, shop: Shop) -> None:
    order_id, name = await shop.order(reference=HOSTILE)
    async with console.engine.begin() as db:
        change = update(items).where(items.c.order_id == order_id)
        await db.execute(change.values(detail=HOSTILE))
    for path in ("/console/orders", f"/console/orders/{name}"):
        page = (await console.get(path)).text
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["nothing", "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
async def test_unknown_order_is_not_there(console: Console, name: str) -> None:
    await console.sign_in()
    for path in (name, f"{name}/live", f"{name}/items/weibo"):
        assert (await console.get(f"/console/orders/{path}")).status_code == 404


async def test_number_is_shown_for_a_reason_alone(console: Console, shop: Shop) -> None:
    order_id, name = await shop.order()
    path = f"/console/orders/{name}/number"
    refused = await console.act(path, reason="")
    assert refused.status_code == 422
    assert NUMBER not in refused.text
    assert await trail(console, "number.unmasked") == []

    shown = await console.act(path, reason="the holder asks, case 17")
    assert NUMBER in shown.text
    assert shown.headers["cache-control"] == "no-store"
    (event,) = await trail(console, "number.unmasked")
    assert event.order_id == order_id
    assert event.facts == {"reason": "the holder asks, case 17"}


async def test_destroyed_number_is_not_shown(console: Console, shop: Shop) -> None:
    order_id, name = await shop.order()
    async with console.engine.begin() as db:
        change = update(orders).where(orders.c.id == order_id)
        gone = {"number_sealed": None, "number_index": None}
        await db.execute(change.values(**gone, destroyed_at=console.clock.now()))
    answer = await console.act(f"/console/orders/{name}/number", reason="case 17")
    assert answer.status_code == 404
    assert await trail(console, "number.unmasked") == []


async def test_receipt_waits_for_the_end(console: Console, shop: Shop) -> None:
    order_id, name = await shop.order()
    path = f"/console/orders/{name}/receipt"
    assert (await console.act(path)).status_code == 409
    async with console.engine.begin() as db:
        ended = {"status": OrderStatus.COMPLETED, "completed_at": console.clock.now()}
        await db.execute(
            update(orders)
            .where(orders.c.id == order_id)
            .values(**ended, told_at=console.clock.now())
        )
    answer = await console.act(path)
    assert answer.status_code == 200
    assert "eyJ" in answer.text
    (event,) = await trail(console, "receipt.issued")
    assert event.actor.startswith("admin:")


async def test_attempts_of_an_item_say_when_there_are_none(
    console: Console, shop: Shop
) -> None:
    _, name = await shop.order()
    path = f"/console/orders/{name}/items/weibo"
    page = await console.get(path, accept_language="en")
    assert "Nothing was sent to it about this order" in page.text


async def test_attempts_of_an_item_show_what_the_platform_answered(
    console: Console, shop: Shop
) -> None:
    order_id, name = await shop.order(1)
    other_id, _ = await shop.order(2)
    weibo = shop.platforms["weibo"].id
    async with console.engine.begin() as db:
        busy = Outcome(OutcomeKind.THROTTLED, 503)
        await an_attempt(db, weibo, [order_id], outcome=busy, answer_head=HOSTILE)
        await an_attempt(db, weibo, [other_id], answer_head="not mine")
    path = f"/console/orders/{name}/items/weibo"
    page = (await console.get(path, accept_language="en")).text
    assert "Busy" in page
    assert "It answers 503 (its service is unavailable)" in page
    assert HOSTILE not in page
    assert "not mine" not in page
    assert (await console.get(f"{path}x")).status_code == 404


async def test_items_of_an_order_are_sent_again_once_previewed(
    console: Console, shop: Shop
) -> None:
    order_id, name = await shop.order()
    key = await shop.refuse(order_id, "weibo")
    path = f"/console/orders/{name}/requeue"
    shown = await console.act(path)
    assert shown.status_code == 200
    assert await status(console, key) is ItemStatus.UNDELIVERABLE

    done = await console.confirm(path, shown)
    assert done.headers["location"] == f"/console/orders/{name}"
    assert await status(console, key) is ItemStatus.QUEUED
