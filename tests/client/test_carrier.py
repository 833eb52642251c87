"""Everything that a carrier's back end does, against a real broker."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from tests.client.conftest import (
    CONSENT,
    NUMBER,
    SLUGS,
    Broker,
    a_question,
    an_unbinding,
)
from unbind_broker.client import (
    Client,
    EndpointChoice,
    HoldingLine,
    Unbinding,
    errors,
    verify_receipt,
)

BOUND = {"last_bound_at": "2024-01-01T00:00:00Z"}
OTHERS = tuple(f"+86138000043{place:02}" for place in range(5))


async def test_query_leads_to_an_order_and_a_receipt(
    client: Client, broker: Broker
) -> None:
    query = await client.queries.place(a_question())
    await broker.report("didi", query.id, "not_bound")
    await broker.report("weibo", query.id, "bound", bindings=2, **BOUND)
    found = await client.queries.until_over(query.id, within=60)
    assert found.is_over
    assert {item.platform: item.status for item in found.items} == {
        "didi": "not_bound",
        "weibo": "bound",
    }

    order = await client.orders.place(
        Unbinding(consent=CONSENT, query_id=query.id, reference="R-1")
    )
    with pytest.raises(errors.NotCompleted):
        await client.orders.receipt(order.id)
    await broker.report("weibo", order.id, "unbound", removed=2, **BOUND)
    done = await client.orders.until_over(order.id, within=60)
    assert (done.status, done.items[0].removed) == ("completed", 2)

    jws, jwks = await client.orders.receipt(order.id), await client.jwks()
    receipt = verify_receipt(jws, jwks)
    assert (receipt.version, receipt.order["id"]) == (1, order.id)
    assert receipt.items[0].status == "unbound"
    with pytest.raises(errors.AlreadyCompleted):
        await client.orders.cancel(order.id)


async def test_changed_receipt_does_not_hold(client: Client, broker: Broker) -> None:
    order = await client.orders.place(an_unbinding())
    for slug in SLUGS:
        await broker.report(slug, order.id, "not_bound")
    jws, jwks = await client.orders.receipt(order.id), await client.jwks()
    head, payload, signature = jws.split(".")
    foreign = {"keys": [{**jwks["keys"][0], "x": "A" * 43}]}

    for wrong in (f"{head}.{payload[:-4]}AAAA.{signature}", "no.jws", ""):
        with pytest.raises(errors.ReceiptWrong):
            verify_receipt(wrong, jwks)
    sets: tuple[dict[str, Any], ...] = ({"keys": []}, {}, foreign)
    for keys in sets:
        with pytest.raises(errors.ReceiptWrong):
            verify_receipt(jws, keys)


async def test_waiting_gives_what_there_is_when_time_is_over(client: Client) -> None:
    order = await client.orders.place(an_unbinding(), wait=0)
    seen = await client.orders.until_over(order.id, within=0.1)
    assert not seen.is_over


async def test_orders_are_listed_and_found_by_number_without_a_url_holding_it(
    client: Client,
) -> None:
    made = [
        await client.orders.place(an_unbinding(number, reference=f"R-{number[-1]}"))
        for number in OTHERS
    ]
    listed = [one.id async for one in client.orders.list(status="in_progress")]
    chosen = [one.id async for one in client.orders.list(reference="R-3")]
    found = [one.id async for one in client.orders.search(OTHERS[2])]
    later = [one async for one in client.orders.list(created_after=made[-1].deadline)]
    queries = [one async for one in client.queries.list()]

    assert listed == [one.id for one in reversed(made)]
    assert (chosen, found, later) == ([made[3].id], [made[2].id], [])
    assert queries == []


async def test_held_order_is_cancelled_twice_like_once(client: Client) -> None:
    order = await client.orders.place(
        Unbinding(
            number=NUMBER,
            owner_since=date(2025, 3, 1),
            consent=CONSENT,
            scope="current_owner",
            platforms=["weibo"],
        )
    )
    first = await client.orders.cancel(order.id)
    second = await client.orders.cancel(order.id)

    assert (order.status, order.held_for) == ("held", "undo_window")
    assert first.status == second.status == "cancelled"


async def test_wrong_field_is_pointed_at(client: Client) -> None:
    with pytest.raises(errors.Invalid) as refused:
        await client.queries.place(a_question("+861"))
    assert [wrong.pointer for wrong in refused.value.errors] == ["/number"]
    assert refused.value.request_id


async def test_holdings_are_told_one_by_one_or_streamed(client: Client) -> None:
    day = date(2025, 3, 1)
    told = await client.holdings.tell([HoldingLine(NUMBER, "activated", day)])
    lines = (HoldingLine(number, "activated", day) for number in (NUMBER, *OTHERS))
    streamed = await client.holdings.stream(lines)

    assert (told.recorded, told.results[0].status) == (1, "recorded")
    assert (streamed.recorded, streamed.duplicates) == (5, 1)
    assert [(one.line, one.status) for one in streamed.results] == [(1, "duplicate")]


async def test_lines_are_counted_over_all_calls_of_a_stream(
    client: Client,
) -> None:
    async def lines() -> AsyncIterator[HoldingLine]:
        for number in (*OTHERS, NUMBER, "+861"):
            yield HoldingLine(number, "activated", date(2025, 3, 1))

    told = await client.holdings.stream(lines(), lines_a_call=3)

    assert (told.recorded, told.rejected) == (6, 1)
    assert [one.line for one in told.results] == [7]


async def test_directory_and_own_identity_are_read(client: Client) -> None:
    me = await client.me()
    slugs = [one.slug async for one in client.platforms(accepting=True)]

    assert (me.role, me.carrier and me.carrier.slug) == ("carrier", "china-mobile")
    assert slugs == sorted(SLUGS)


async def test_endpoint_is_registered_steered_and_refused_aloud(client: Client) -> None:
    with pytest.raises(errors.NotFound):
        await client.endpoint.get()
    made = await client.endpoint.register(EndpointChoice(url="http://127.0.0.1:9/x"))
    rotated = await client.endpoint.rotate_secret(grace_seconds=0)

    assert made.status == "unverified"
    assert made.secret != rotated.secret
    with pytest.raises(errors.EndpointRefused) as refused:
        await client.endpoint.verify()
    assert refused.value.code == "verification-failed"
    assert [one.type async for one in client.endpoint.attempts()] == [
        "endpoint.verification"
    ]


async def test_feed_is_read_on_from_the_last_event(
    client: Client, broker: Broker
) -> None:
    order = await client.orders.place(an_unbinding())
    outside = {"last_bound_at": "2026-01-01T00:00:00Z"}
    for slug in SLUGS:
        await broker.report(slug, order.id, "unbound", removed=1, **outside)
    told = [event async for event in client.events.read()]
    rest = [event async for event in client.events.read(after=told[0].id)]

    assert "order.violation" in {event.type for event in told}
    assert [event.id for event in rest] == [event.id for event in told[1:]]
    follower = client.events.follow(after=told[0].id)
    assert (await anext(follower)).id == told[1].id
    await follower.aclose()


async def test_shop_is_told_what_to_say_of_a_number(client: Client) -> None:
    told = await client.disclose(NUMBER)
    held = [HoldingLine(NUMBER, "activated", date(2023, 1, 1))]
    held += [HoldingLine(NUMBER, "disconnected", date(2026, 8, 1))]
    await client.holdings.tell(held)
    recycled = await client.disclose(NUMBER)

    assert (told.recycled, recycled.recycled) == (None, True)
    assert recycled.clearance.state == "none"
    assert recycled.notice.zh != recycled.notice.en
    assert recycled.number == "+86138****1234"
