"""Live events of a real broker, over lines that are cut."""

import asyncio

from tests.client.conftest import SLUGS, Broker, a_question, an_unbinding
from tests.client.proxy import Mood, Proxy
from tests.support.waiting import eventually
from unbind_broker.client import Client, TimelineEvent

PATIENCE = 60.0


async def gather(client: Client, order_id: str, told: list[TimelineEvent]) -> None:
    async for event in client.orders.follow(order_id):
        told.append(event)  # noqa: PERF401 - looked at while it grows


async def has(told: list[TimelineEvent], kind: str) -> None:
    await eventually(lambda: kind in [event.type for event in told])


async def test_cut_stream_misses_nothing_and_repeats_nothing(
    client: Client, flaky: Client, broker: Broker, proxy: Proxy
) -> None:
    order = await client.orders.place(an_unbinding())
    told: list[TimelineEvent] = []
    following = asyncio.create_task(gather(flaky, order.id, told))
    await has(told, "order.created")

    proxy.moods.extend([Mood.DROP, Mood.HALF, Mood.SWALLOW])
    proxy.cut()
    await broker.report("didi", order.id, "not_bound")
    await has(told, "item.not_bound")
    proxy.cut()
    await broker.report("weibo", order.id, "not_bound")
    await asyncio.wait_for(following, PATIENCE)

    kinds = [event.type for event in told]
    assert kinds[0] == "order.created"
    assert kinds[-1] == "order.completed"
    assert kinds.count("item.not_bound") == len(SLUGS)
    assert len({event.id for event in told}) == len(told)
    assert proxy.connections > 4


async def test_place_that_was_kept_is_followed_from(
    client: Client, broker: Broker
) -> None:
    query = await client.queries.place(a_question())
    await broker.report("didi", query.id, "not_bound")
    seen = await client.queries.events(query.id)
    await broker.report("weibo", query.id, "not_bound")

    rest = [one async for one in client.queries.follow(query.id, seen.last_event_id)]
    again = [one async for one in client.queries.follow(query.id, rest[-1].cursor)]

    assert "order.created" in [event.type for event in seen.data]
    assert {event.item.platform for event in rest if event.item} == {"weibo"}
    assert again == []
