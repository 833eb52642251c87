"""What no platform took is counted, listed and sent again by the console's page."""

import pytest

from tests.console.ordering import Shop, a_shop, status, trail
from tests.console.scene import Console, hidden
from tests.support.attempts import an_attempt
from tests.support.builders import owner_of
from tests.support.order_builders import many_orders
from unbind_broker.deliveries.outcomes import Cause, Outcome, OutcomeKind
from unbind_broker.deliveries.undelivered import note
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.service import mark_undeliverable
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

PAGE = "/console/undeliverable"


@pytest.fixture
async def shop(console: Console) -> Shop:
    await console.sign_in()
    return await a_shop(console.engine, console.clock, "weibo", "dating")


async def test_empty_page_says_so(console: Console) -> None:
    await console.sign_in()
    page = await console.get(PAGE, accept_language="en")
    assert "There is no undeliverable item." in page.text


async def test_items_are_counted_by_platform_and_listed(
    console: Console, shop: Shop
) -> None:
    first, name = await shop.order(1)
    second, other = await shop.order(2)
    for order_id in (first, second):
        await shop.refuse(order_id, "weibo")
    page = (await console.get(PAGE, accept_language="en")).text
    counts = page.partition('id="list"')[0]
    assert "weibo platform</a>" in counts
    assert "Refused for good" in counts
    assert 'class="number">2</td>' in counts
    assert name in page
    assert other in page
    assert "138****0001" in page


async def test_platforms_whose_items_wait_are_named(
    console: Console, shop: Shop
) -> None:
    await shop.order()
    weibo = owner_of(shop.platforms["weibo"])
    async with console.engine.begin() as db:
        now = console.clock.now()
        await endpoints.pause(db, now, weibo, PausedBy.ADMIN, "admin:1")
    page = (await console.get(PAGE, accept_language="en")).text
    parked = page.partition('id="parked"')[2]
    assert "/console/platforms/weibo" in parked
    assert "/console/platforms/dating" not in parked
    assert 'class="number">1</td>' in parked


async def test_list_says_in_words_how_the_platform_refused(
    console: Console, shop: Shop
) -> None:
    order_id, _ = await shop.order()
    await shop.refuse(order_id, "weibo")
    weibo = shop.platforms["weibo"].id
    refused = Outcome(OutcomeKind.PAYLOAD_REFUSED, 422)
    async with console.engine.begin() as db:
        head = "<b>no</b>"
        await an_attempt(db, weibo, [order_id], outcome=refused, answer_head=head)
    page = (await console.get(PAGE, accept_language="zh")).text
    assert "平台回应 422（拒绝请求）" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


async def test_list_is_narrowed_to_a_platform(console: Console, shop: Shop) -> None:
    first, name = await shop.order(1)
    second, other = await shop.order(2)
    await shop.refuse(first, "weibo")
    await shop.refuse(second, "dating")
    page = (await console.get(f"{PAGE}?platform=weibo&cause=refused")).text
    assert name in page
    assert other not in page
    assert "仅显示平台：weibo 平台" in page
    both = (await console.get(f"{PAGE}?cause=refused")).text
    assert name in both
    assert other in both
    assert (await console.get(f"{PAGE}?cause=luck")).status_code == 422


async def test_pages_hold_every_item_once(console: Console, shop: Shop) -> None:
    first_id, first_name = await shop.order()
    async with console.engine.begin() as db:
        more_ids = await many_orders(db, shop.carrier, 51, like=first_id)
        keys = [ItemKey(one, shop.platforms["weibo"].id) for one in more_ids]
        await mark_undeliverable(db, console.clock.now(), keys)
        await note(db, console.clock.now(), keys, Cause.REFUSED)
    await shop.refuse(first_id, "weibo")
    made = [first_name, *(show_order_id(OrderKind.UNBIND, one) for one in more_ids)]
    first = (await console.get(PAGE)).text
    more = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = (await console.get(more)).text
    shown = [name for name in made if f"{name}</code>" in first]
    rest = [name for name in made if f"{name}</code>" in second]
    assert len(shown) == 50
    assert sorted(shown + rest) == sorted(made)


async def test_chosen_items_alone_are_sent_again(console: Console, shop: Shop) -> None:
    keys = []
    for place in (1, 2):
        order_id, _ = await shop.order(place)
        keys.append(await shop.refuse(order_id, "weibo"))
    page = (await console.get(PAGE)).text
    picks = [part.partition('"')[0] for part in page.split('name="pick.')[1:]]
    assert len(picks) == 2  # those of the newest order first
    shown = await console.act(f"{PAGE}/requeue", **{f"pick.{picks[0]}": "yes"})
    assert await status(console, keys[1]) is ItemStatus.UNDELIVERABLE

    done = await console.confirm(f"{PAGE}/requeue", shown)
    assert done.headers["location"] == PAGE
    assert await status(console, keys[1]) is ItemStatus.QUEUED
    assert await status(console, keys[0]) is ItemStatus.UNDELIVERABLE
    (event,) = await trail(console, "items.requeued")
    assert event.actor.startswith("admin:")


async def test_all_of_a_platform_are_sent_again(console: Console, shop: Shop) -> None:
    first, _ = await shop.order(1)
    second, _ = await shop.order(2)
    own = await shop.refuse(first, "weibo")
    other = await shop.refuse(second, "dating")
    fields = {"platform": "weibo", "cause": "refused"}
    shown = await console.act(f"{PAGE}/requeue", **fields)
    await console.confirm(f"{PAGE}/requeue", shown)
    assert await status(console, own) is ItemStatus.QUEUED
    assert await status(console, other) is ItemStatus.UNDELIVERABLE


async def test_what_changed_since_the_preview_is_shown_again(
    console: Console, shop: Shop
) -> None:
    first, _ = await shop.order(1)
    key = await shop.refuse(first, "weibo")
    shown = await console.act(f"{PAGE}/requeue", platform="weibo")
    second, _ = await shop.order(2)
    await shop.refuse(second, "weibo")
    again = await console.post(f"{PAGE}/requeue", hidden(shown))
    assert again.status_code == 200
    assert 'role="alert"' in again.text
    assert await status(console, key) is ItemStatus.UNDELIVERABLE


async def test_nothing_chosen_is_refused(console: Console, shop: Shop) -> None:
    assert shop.platforms
    assert (await console.act(f"{PAGE}/requeue")).status_code == 422
    wrong = {"pick.nothing": "yes"}
    assert (await console.act(f"{PAGE}/requeue", **wrong)).status_code == 422
