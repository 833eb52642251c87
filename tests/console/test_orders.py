"""Orders are listed and found by the console's pages."""

import pytest
from sqlalchemy import select, update

from tests.console.ordering import Shop, a_shop, trail
from tests.console.scene import Console
from tests.support.order_builders import many_orders
from unbind_broker.items.order_search import MOST_LOOKED_AT
from unbind_broker.items.states import ItemStatus
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


async def test_crowd_of_held_orders_is_said_to_be_cut(
    console: Console, shop: Shop
) -> None:
    order_id, _ = await shop.order(1)
    async with console.engine.begin() as db:
        await many_orders(db, shop.carrier, MOST_LOOKED_AT, like=order_id)
        held = {"status": OrderStatus.HELD, "held_for": HoldReason.BRAKED}
        await db.execute(update(orders).values(held))
    page = await console.get("/console/orders?standing=held", accept_language="en")
    assert "Too many are held: these are the 5,000" in page.text
    of_carrier = f"/console/orders?standing=held&carrier={shop.carrier.slug}"
    page = await console.get(of_carrier, accept_language="en")
    assert "Too many are held" not in page.text
    assert 'rel="next"' in page.text
