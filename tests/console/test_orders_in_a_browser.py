"""An administrator follows one order in a real browser, and sends an item again."""

from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import NARROW, a_look
from tests.console.ordering import Shop, a_shop
from tests.support.clock import FixedClock
from tests.support.waiting import eventually
from unbind_broker.base.ids import OrderId
from unbind_broker.items.states import ItemStatus


async def test_order_is_followed_live_and_its_item_sent_again(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    shop, order_id, name = await an_ill_order(engine, clock)
    async with a_look(engine, clock, browser) as look:
        await look.page.click("nav.menu >> text=Orders")
        await look.page.fill("#what", name)
        await look.page.keyboard.press("Enter")
        await look.page.wait_for_url(f"**/{name}")
        assert await look.faults() == []
        await look.page.evaluate("window.stayed = true")
        await shop.bring(order_id, "dating", ItemStatus.REFUSED)

        async def shown() -> bool:
            return "Not done" in await look.page.inner_text("#items-table")

        await eventually(shown)
        assert await look.page.evaluate("window.stayed") is True
        await look.page.click("text=Send 1 undeliverable again")
        await look.says("Nothing has been done yet")
        await look.page.click("main button")
        await look.says("Sent 1 again.")
        assert await look.faults() == []


async def test_pages_of_an_order_are_fit_for_a_phone_in_the_dark(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    _, _, name = await an_ill_order(engine, clock)
    async with a_look(
        engine,
        clock,
        browser,
        viewport=NARROW,
        color_scheme="dark",
        locale="zh-CN",
    ) as look:
        home = f"/console/orders/{name}"
        paths = (
            "/console/orders",
            home,
            f"{home}/items/weibo",
            "/console/undeliverable",
        )
        for path in paths:
            await look.open(path)
            assert await look.faults() == [], path


async def an_ill_order(
    engine: AsyncEngine, clock: FixedClock
) -> tuple[Shop, OrderId, str]:
    """An order that one of its three platforms refused for good."""
    shop = await a_shop(engine, clock, "weibo", "dating", "taobao")
    order_id, name = await shop.order(reference="R-17")
    await shop.refuse(order_id, "weibo")
    await shop.bring(order_id, "taobao", ItemStatus.UNBOUND)
    return shop, order_id, name
