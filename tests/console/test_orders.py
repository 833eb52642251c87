"""Orders are found, read and acted upon by the console's pages."""

from typing import Any

import pytest
from sqlalchemy import select, update

from tests.console.ordering import Shop, a_shop
from tests.console.scene import Console
from tests.support.attempts import an_attempt
from tests.support.order_builders import many_orders
from unbind_broker.audit.tables import audit_events
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import Role
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_order_id

NUMBER = "+8613800000001"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def shop(console: Console) -> Shop:
    await console.sign_in()
    return await a_shop(console.engine, console.clock, "weibo", "dating")


async def test_list_shows_orders_with_masked_numbers(
    console: Console, shop: Shop
) -> None:
    _, name = await shop.order(reference="R-17")
    page = (await console.get("/console/orders")).text
    assert name in page
    assert "R-17" in page
    assert "+86138****0001" in page
    assert NUMBER not in page


async def test_empty_list_says_so(console: Console) -> None:
    await console.sign_in()
    page = await console.get("/console/orders", accept_language="en")
    assert "There is no such order." in page.text


async def test_list_is_narrowed_by_standing_and_carrier(
    console: Console, shop: Shop
) -> None:
    held_id, held = await shop.order(1)
    _, other = await shop.order(2)
    async with console.engine.begin() as db:
        change = update(orders).where(orders.c.id == held_id)
        values = {"status": OrderStatus.HELD, "held_for": HoldReason.BRAKED}
        await db.execute(change.values(values))

    assert await names(console, "?standing=held", held, other) == [held]
    assert await names(console, "?standing=in_progress", held, other) == [other]
    assert await names(console, "?standing=overdue", held, other) == []
    both = f"?standing=held&carrier={shop.carrier.slug}"
    assert await names(console, both, held, other) == [held]
    assert await names(console, "?carrier=nobody", held, other) == []


async def test_open_orders_past_their_deadline_are_overdue(
    console: Console, shop: Shop
) -> None:
    late_id, late = await shop.order(1)
    _, other = await shop.order(2)
    async with console.engine.begin() as db:
        change = update(orders).where(orders.c.id == late_id)
        await db.execute(change.values(deadline=console.clock.now()))
    assert await names(console, "?standing=overdue", late, other) == [late]


async def test_orders_without_a_result_of_some_platform_are_found(
    console: Console, shop: Shop
) -> None:
    missed_id, missed = await shop.order(1)
    _, other = await shop.order(2)
    await shop.bring(missed_id, "weibo", ItemStatus.EXPIRED)
    assert await names(console, "?standing=unanswered", missed, other) == [missed]


async def test_unknown_standing_is_refused(console: Console, shop: Shop) -> None:
    assert shop.platforms
    answer = await console.get("/console/orders?standing=lost")
    assert answer.status_code == 422


async def test_pages_hold_every_order_once(console: Console, shop: Shop) -> None:
    first_id, first_name = await shop.order()
    async with console.engine.begin() as db:
        more_ids = await many_orders(db, shop.carrier, 51, like=first_id)
    made = [first_name, *(show_order_id(OrderKind.UNBIND, one) for one in more_ids)]
    first = (await console.get("/console/orders")).text
    more = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = (await console.get(more)).text
    shown = [name for name in made if f"{name}</code>" in first]
    rest = [name for name in made if f"{name}</code>" in second]
    assert len(shown) == 50
    assert sorted(shown + rest) == sorted(made)


async def test_order_is_found_by_its_id(console: Console, shop: Shop) -> None:
    _, name = await shop.order()
    found = await console.act("/console/orders/find", what=name.upper())
    assert found.headers["location"] == f"/console/orders/{name}"


async def test_orders_are_found_by_a_reference(console: Console, shop: Shop) -> None:
    _, name = await shop.order(1, reference="R & 17")
    _, other = await shop.order(2, reference="R-18")
    found = await console.act("/console/orders/find", what="R & 17")
    page = (await console.get(found.headers["location"])).text
    assert name in page
    assert other not in page


async def test_number_is_looked_for_without_an_address_and_audited(
    console: Console, shop: Shop
) -> None:
    order_id, name = await shop.order(1)
    _, other = await shop.order(2)
    found = await console.act("/console/orders/find", what="138 0000 0001")
    assert found.status_code == 200
    assert name in found.text
    assert other not in found.text
    assert NUMBER not in found.text
    (event,) = await trail(console, "orders.searched")
    async with console.engine.connect() as db:
        own = select(orders.c.number_index).where(orders.c.id == order_id)
        assert event.number_index == (await db.execute(own)).scalar_one()
    assert event.actor.startswith("admin:")


@pytest.mark.parametrize("what", ["x 13800000001 x", "+8613800000001 or so", ""])
async def test_what_holds_a_number_leads_to_no_address(
    console: Console, what: str
) -> None:
    await console.sign_in()
    answer = await console.act("/console/orders/find", what=what)
    assert answer.status_code == 422
    assert "location" not in answer.headers
    assert "1380000" not in answer.text


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
    assert "503" in page
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


async def test_auditors_see_no_orders(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    paths = ("orders", "orders/ord_01kb2x5c7zf3v8h1m4n6p9q2rs", "undeliverable")
    for path in paths:
        assert (await console.get(f"/console/{path}")).status_code == 403


async def test_forms_of_others_change_nothing(console: Console, shop: Shop) -> None:
    _, name = await shop.order()
    for path in (f"orders/{name}/number", "orders/find", "undeliverable/requeue"):
        fields = {"reason": "case 17", "what": NUMBER}
        answer = await console.post(f"/console/{path}", fields)
        assert answer.status_code == 403
        assert NUMBER not in answer.text
    assert await trail(console, "number.unmasked") == []


async def names(console: Console, query: str, *known: str) -> list[str]:
    """Tell which of the orders a list shows."""
    page = (await console.get(f"/console/orders{query}")).text
    return [name for name in known if f"{name}</code>" in page]


async def trail(console: Console, action: str) -> list[Any]:
    async with console.engine.connect() as db:
        found = select(audit_events).where(audit_events.c.action == action)
        return list((await db.execute(found)).all())


async def status(console: Console, key: ItemKey) -> ItemStatus:
    async with console.engine.connect() as db:
        found = select(items.c.status).where(
            items.c.order_id == key.order_id, items.c.platform_id == key.platform_id
        )
        stands: ItemStatus = (await db.execute(found)).scalar_one()
        return stands
