"""Whatever the line does, an order is placed once or not at all."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.client.conftest import QUICK, Broker, a_question, an_unbinding
from tests.client.proxy import Mood, Proxy
from unbind_broker.client import Client, EndpointChoice, Unreachable
from unbind_broker.orders.tables import orders


async def count_orders(engine: AsyncEngine) -> int:
    async with engine.connect() as db:
        return int(
            (await db.execute(select(func.count()).select_from(orders))).scalar_one()
        )


@pytest.mark.parametrize(
    "moods",
    [
        (Mood.SWALLOW,),
        (Mood.HALF,),
        (Mood.DROP, Mood.SWALLOW, Mood.HALF),
        (Mood.SWALLOW, Mood.SWALLOW, Mood.DROP, Mood.HALF, Mood.SWALLOW),
    ],
    ids=lambda moods: "-".join(mood.name.lower() for mood in moods),
)
async def test_retried_order_is_placed_once(
    flaky: Client, proxy: Proxy, engine: AsyncEngine, moods: tuple[Mood, ...]
) -> None:
    proxy.moods.extend(moods)

    order = await flaky.orders.place(an_unbinding())

    assert proxy.connections == len(moods) + 1
    assert await count_orders(engine) == 1
    assert (await flaky.orders.get(order.id)).id == order.id


async def test_two_calls_are_two_orders(flaky: Client, engine: AsyncEngine) -> None:
    first = await flaky.orders.place(an_unbinding())
    second = await flaky.orders.place(an_unbinding())

    assert first.id != second.id
    assert await count_orders(engine) == 2


async def test_own_key_holds_beyond_a_call_that_was_given_up(
    flaky: Client, proxy: Proxy, engine: AsyncEngine
) -> None:
    proxy.moods.extend([Mood.SWALLOW] * 6)
    with pytest.raises(Unreachable) as given_up:
        await flaky.queries.place(a_question(), idempotency_key="R-17")
    assert not given_up.value.unsent

    again = await flaky.queries.place(a_question(), idempotency_key="R-17")

    assert again.kind == "query"
    assert await count_orders(engine) == 1


async def test_restore_and_cancel_are_carried_out_once(
    flaky: Client, proxy: Proxy, broker: Broker, engine: AsyncEngine
) -> None:
    order = await flaky.orders.place(an_unbinding())
    for slug in ("didi", "weibo"):
        await broker.report(
            slug,
            order.id,
            "unbound",
            removed=1,
            last_bound_at="2024-01-01T00:00:00Z",
            restorable_until="2026-12-20T00:00:00Z",
        )
    other = await flaky.orders.place(an_unbinding("+8613800004321"))
    proxy.moods.extend([Mood.SWALLOW, Mood.HALF] * 2)
    proxy.cut()
    restore = await flaky.orders.restore(order.id, "wrong date")
    cancelled = await flaky.orders.cancel(other.id)

    assert (restore.kind, cancelled.status) == ("restore", "cancelled")
    assert await count_orders(engine) == 3


async def test_what_must_not_be_done_twice_is_not_tried_twice(
    client: Client, flaky: Client, proxy: Proxy
) -> None:
    choice = EndpointChoice(url="http://127.0.0.1:9/hook")
    registered = await client.endpoint.register(choice)
    proxy.moods.append(Mood.SWALLOW)

    with pytest.raises(Unreachable):
        await flaky.endpoint.rotate_secret()

    assert registered.secret is not None
    assert registered.secret not in repr(registered)
    assert proxy.connections == 1


async def test_broker_that_is_not_there_is_named_as_such(broker: Broker) -> None:
    async with Client("http://127.0.0.1:9", broker.key, QUICK) as nowhere:
        with pytest.raises(Unreachable) as missed:
            await nowhere.orders.place(an_unbinding())
    assert missed.value.unsent
    assert "1380000" not in str(missed.value)
