"""Owners have sent again what they lost: what, to whom, when, and under which name."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.attempts import an_attempt, endpoint_of
from tests.support.builders import a_carrier, a_key, an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.receiver import Answer, Receiver
from tests.support.trail import trail
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, set_stage
from unbind_broker.base.ids import CarrierId, OrderId, Prefix, format_id
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.replaying import replay_since
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery, EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.keys.service import Holder, issue
from unbind_broker.keys.tables import Role
from unbind_broker.notices.telling import tell
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

URL = "/v1/endpoint/redeliver"
SINCE = {"since": "2026-11-20T03:00:00Z"}
SECOND = timedelta(seconds=1)
NOTHING = {
    "scheduled": 0,
    "unknown": 0,
    "closed": 0,
    "skipped": 0,
    "until": None,
    "next_since": None,
}
Headers = dict[str, str]


@dataclass
class Desk:
    """Orders at ``weibo``; nothing is posted here."""

    engine: AsyncEngine
    api: AsyncClient
    clock: FixedClock
    carrier: Carrier
    weibo: Platform
    orders: list[OrderId]
    headers: Headers
    stranger: Headers
    carriers: Headers

    async def ask(self, body: object, headers: Headers | None = None) -> Response:
        return await self.api.post(URL, json=body, headers=headers or self.headers)

    async def asked(self, body: object, headers: Headers | None = None) -> Any:
        answer = await self.ask(body, headers)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def sent(
        self,
        *places: int,
        status: ItemStatus | None = ItemStatus.ACKNOWLEDGED,
        **changes: Any,
    ) -> None:
        """Have sent these together, and what the platform made of it."""
        chosen = [self.orders[place] for place in places]
        async with self.engine.begin() as db:
            await an_attempt(db, self.weibo.id, chosen, **changes)
            if status is not None:
                for one in chosen:
                    await bring_to(db, ItemKey(one, self.weibo.id), status)

    async def rows(self) -> list[Any]:
        async with self.engine.connect() as db:
            found = await db.execute(select(deliveries).order_by(deliveries.c.due_at))
            return list(found.all())

    async def dues(self) -> dict[UUID, timedelta]:
        return {row.order_id: row.due_at - NOON for row in await self.rows()}

    async def change(self, table: Any, **changes: object) -> None:
        async with self.engine.begin() as db:
            await db.execute(update(table).values(**changes))

    def ids(self, *places: int) -> list[str]:
        return [format_id(Prefix.ORDER, self.orders[place]) for place in places]


@pytest.fixture
async def desk(engine: AsyncEngine, api: AsyncClient, clock: FixedClock) -> Desk:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        weibo = await a_reachable_platform(db, "weibo")
        first = await an_order(db, carrier)
        zhihu = await a_reachable_platform(db, "zhihu")
        return Desk(
            engine,
            api,
            clock,
            carrier,
            weibo,
            [first, *await many_orders(db, carrier, 15, like=first)],
            bearer(await a_key(db, weibo)),
            bearer(await a_key(db, zhihu)),
            bearer(await a_key(db, carrier)),
        )


async def test_what_was_sent_together_goes_together_again_spread_out(
    desk: Desk,
) -> None:
    await desk.sent(0, 1, 2)
    await desk.sent(3, 4, occasion=UUID(int=9), at=NOON + SECOND)
    found = await desk.asked(SINCE)
    assert found == {**NOTHING, "scheduled": 5, "until": "2026-11-20T04:00:00Z"}
    rows = await desk.rows()
    assert {row.replay for row in rows} == {True}
    assert [row.order_id for row in rows[:3]] == desk.orders[:3]
    assert {row.due_at for row in rows[:3]} == {NOON}
    assert {row.due_at for row in rows[3:]} == {NOON + SECOND / 20}
    assert [row.occasion for row in rows] == [None] * 3 + [UUID(int=9)] * 2


async def test_a_thing_goes_with_what_it_was_sent_with_last(desk: Desk) -> None:
    await desk.sent(0, 1, kind=OutcomeKind.PAYLOAD_REFUSED)
    await desk.sent(0, at=NOON + SECOND)
    await desk.sent(1, at=NOON + 2 * SECOND)
    assert (await desk.asked(SINCE))["scheduled"] == 2
    dues = await desk.dues()
    assert dues[desk.orders[0]] < dues[desk.orders[1]]


async def test_what_was_sent_before_is_left_alone(desk: Desk) -> None:
    await desk.sent(0, at=NOON - 2 * SECOND)
    desk.clock.advance(SECOND)
    assert await desk.asked({"since": "2026-11-20T04:00:00Z"}) == NOTHING
    assert await desk.rows() == []


@pytest.mark.parametrize("named", [False, True])
async def test_only_what_is_open_goes_out_again(desk: Desk, *, named: bool) -> None:
    for place, status in enumerate(ItemStatus):
        await desk.sent(place, status=status)
    places = range(len(ItemStatus))
    found = await desk.asked({"items": desk.ids(*places)} if named else SINCE)
    closed = len(ItemStatus) - len(OPEN)
    assert (found["scheduled"], found["closed"]) == (len(OPEN), closed)
    replays = {row.order_id: row.replay for row in await desk.rows()}
    assert replays == {
        desk.orders[place]: status is not ItemStatus.QUEUED
        for place, status in enumerate(ItemStatus)
        if status in OPEN
    }


async def test_statuses_choose_among_the_open_ones(desk: Desk) -> None:
    for place, one in enumerate(sorted(OPEN)):
        await desk.sent(place, status=one)
    chosen: set[UUID] = set()
    for place, one in enumerate(sorted(OPEN)):
        found = await desk.asked({**SINCE, "status": [one]})
        assert (found["scheduled"], found["skipped"]) == (1, len(OPEN) - 1)
        chosen.add(desk.orders[place])
        assert {row.order_id for row in await desk.rows()} == chosen


async def test_what_waits_goes_out_at_once_and_keeps_its_step(desk: Desk) -> None:
    await desk.sent(0, 1, status=None, kind=OutcomeKind.FAILED)
    occasion = UUID(int=7)
    async with desk.engine.begin() as db:
        endpoint = await endpoint_of(db, desk.weibo.id)
        for place in (0, 1):
            subject = Subject(endpoint, EventType.UNBIND_REQUESTED, desk.orders[place])
            due_at = NOON + timedelta(hours=place * 5 - 1)
            await queue.schedule(db, [Due(subject, due_at, 3, occasion)])
    assert (await desk.asked({"items": desk.ids(0, 1)}))["scheduled"] == 2
    dues = await desk.dues()
    assert dues[desk.orders[0]] == -timedelta(hours=1)
    assert timedelta(0) <= dues[desk.orders[1]] < SECOND
    for row in await desk.rows():
        assert (row.attempt, row.occasion, row.replay) == (3, occasion, False)


async def test_calling_again_moves_what_is_left(desk: Desk) -> None:
    await desk.sent(0)
    await desk.asked(SINCE)
    desk.clock.advance(timedelta(minutes=5))
    await desk.asked({"items": desk.ids(0)})
    assert await desk.dues() == {desk.orders[0]: timedelta(minutes=5)}


async def test_cancellations_are_repeated_and_queries_have_none(desk: Desk) -> None:
    cancelled = ItemStatus.CANCELLED
    await desk.sent(0, status=cancelled)
    await desk.sent(0, 1, status=cancelled, event=EventType.UNBIND_CANCELLED)
    await desk.sent(1, status=ItemStatus.NOT_BOUND)
    found = await desk.asked(SINCE)
    assert (found["scheduled"], found["closed"]) == (1, 3)
    (row,) = await desk.rows()
    assert row.order_id == desk.orders[0]
    assert row.event is EventType.UNBIND_CANCELLED
    only_items = await desk.asked({**SINCE, "status": ["acknowledged"]})
    assert only_items["scheduled"] == 0


async def test_what_was_never_its_own_is_unknown(desk: Desk) -> None:
    """Anothers', nobody's, a query by an order's id, a joined one, a held one."""
    async with desk.engine.begin() as db:
        await db.execute(
            update(items)
            .where(items.c.order_id == desk.orders[1])
            .values(follows=desk.orders[0])
        )
        await db.execute(
            update(orders)
            .where(orders.c.id == desk.orders[2])
            .values(status=OrderStatus.HELD, held_until=NOON)
        )
    as_query = format_id(Prefix.QUERY, desk.orders[3])
    named = [*desk.ids(1, 2), as_query, "ord_1", "x", "", "evt_" + "0" * 26]
    found = await desk.asked({"items": [*named, *named]})
    assert found == {**NOTHING, "unknown": len(named)}
    strangers = await desk.asked({"items": desk.ids(0, 4)}, desk.stranger)
    assert strangers == {**NOTHING, "unknown": 2}
    assert await desk.asked(SINCE, desk.stranger) == NOTHING


async def test_what_is_past_its_deadline_is_not_sent(desk: Desk) -> None:
    await desk.sent(0)
    await desk.change(orders, deadline=NOON)
    for body in (SINCE, {"items": desk.ids(0)}):
        assert await desk.asked(body) == {**NOTHING, "closed": 1}


async def test_what_was_held_since_it_was_sent_waits_for_its_release(
    desk: Desk,
) -> None:
    await desk.sent(0)
    await desk.change(orders, status=OrderStatus.HELD, held_until=NOON)
    assert (await desk.asked(SINCE))["scheduled"] == 1


async def test_the_span_fits_the_rate_and_an_hour(desk: Desk) -> None:
    for place in range(10):
        await desk.sent(place, at=NOON + place * SECOND)
    for max_rate, seconds in ((None, 0.45), (5.0, 1.8), (100.0, 0.45), (0.001, 3240)):
        await desk.change(endpoints, max_rate=max_rate)
        await desk.asked(SINCE)
        dues = sorted((await desk.dues()).values())
        assert dues == [timedelta(seconds=seconds) * place / 9 for place in range(10)]


async def test_one_call_says_from_where_to_go_on(desk: Desk) -> None:
    for place in range(5):
        await desk.sent(place, at=NOON + place * SECOND)
    owner = Owner("weibo", platform_id=desk.weibo.id)
    async with desk.engine.connect() as db:
        endpoint = await service.require(db, owner)
        first = await replay_since(db, NOON, endpoint, NOON, None, most=3)
        assert (first.scheduled, first.next_since) == (3, NOON + 3 * SECOND)
        assert first.next_since is not None
        rest = await replay_since(db, NOON, endpoint, first.next_since, None, most=3)
    assert (rest.scheduled, rest.next_since) == (2, None)
    assert len({one.thing for one in (*first.repeats, *rest.repeats)}) == 5


async def test_what_was_sent_over_and_over_is_read_up_to_a_limit(desk: Desk) -> None:
    for place in range(5):
        await desk.sent(0, at=NOON + place * SECOND)
    owner = Owner("weibo", platform_id=desk.weibo.id)
    async with desk.engine.connect() as db:
        endpoint = await service.require(db, owner)
        found = await replay_since(db, NOON, endpoint, NOON, None, most=3)
    assert (len(found.repeats), found.next_since) == (1, NOON + 3 * SECOND)


async def test_large_call_lets_rows_go_part_by_part_and_comes_alone(desk: Desk) -> None:
    """While it waits for the last row, the first ones are written already."""
    async with desk.engine.begin() as db:
        desk.orders += await many_orders(db, desk.carrier, 1000, like=desk.orders[-1])
    await desk.change(items, status=ItemStatus.ACKNOWLEDGED)
    await desk.sent(*range(len(desk.orders)), status=None)
    await desk.asked(SINCE)
    desk.clock.advance(SECOND)
    first, last = min(desk.orders), max(desk.orders)
    async with desk.engine.begin() as db:
        row = select(deliveries).where(deliveries.c.order_id == last)
        await db.execute(row.with_for_update())
        calling = asyncio.create_task(desk.ask(SINCE))

        async def is_written() -> bool:
            return (await desk.dues())[first] == SECOND

        assert await eventually(is_written)
        assert not calling.done()
        second = await desk.ask({"items": desk.ids(0)})
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
    assert (await calling).json()["scheduled"] == len(desk.orders)
    assert (await desk.asked({"items": desk.ids(0)}))["scheduled"] == 1


WRONG: list[tuple[Mapping[str, object], str]] = [
    ({}, ""),
    ({**SINCE, "items": ["ord_1"]}, ""),
    ({"since": "2026-11-20T04:00:01Z"}, "/since"),
    ({"since": 5}, "/since"),
    ({"items": []}, "/items"),
    ({"items": ["x"] * 1001}, "/items"),
    ({"items": ["x" * 65]}, "/items/0"),
    ({**SINCE, "status": ["unbound"]}, "/status"),
    ({**SINCE, "status": []}, "/status"),
    ({**SINCE, "until": None}, "/until"),
]


async def test_wrong_requests_are_pointed_at(desk: Desk) -> None:
    for body, pointer in WRONG:
        answer = await desk.ask(body)
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_instant_before_all_time_takes_everything(desk: Desk) -> None:
    await desk.sent(0)
    assert (await desk.asked({"since": "0001-01-01T00:00:00Z"}))["scheduled"] == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delivery": Delivery.PULL, "url": None}, "endpoint-is-pull"),
        (
            {"status": EndpointStatus.UNVERIFIED, "verified_at": None},
            "endpoint-not-verified",
        ),
        (
            {"status": EndpointStatus.DISABLED, "disabled_reason": "gone"},
            "endpoint-disabled",
        ),
    ],
)
async def test_endpoint_that_nothing_is_posted_to_has_nothing_sent_again(
    desk: Desk, changes: dict[str, object], code: str
) -> None:
    await desk.sent(0)
    await desk.change(endpoints, **changes)
    answer = await desk.ask(SINCE)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await desk.rows() == []


async def test_paused_endpoint_finds_it_when_it_resumes(desk: Desk) -> None:
    await desk.sent(0)
    await desk.change(endpoints, status=EndpointStatus.PAUSED, paused_by=PausedBy.OWNER)
    assert (await desk.asked(SINCE))["scheduled"] == 1


async def test_call_is_in_the_trail_without_what_it_named(desk: Desk) -> None:
    await desk.sent(0)
    await desk.asked({"items": desk.ids(0), "status": ["acknowledged"]})
    async with desk.engine.connect() as db:
        (fact,) = await trail(db, "endpoint.redelivered")
    assert fact.actor == "platform:weibo"
    counts = ("owner", "since", "named", "status", "scheduled")
    said = ["weibo", None, 1, ["acknowledged"], 1]
    assert [fact.facts[name] for name in counts] == said


async def told(desk: Desk, event: EventType, carrier: CarrierId | None = None) -> UUID:
    async with desk.engine.begin() as db:
        holder = carrier or desk.carrier.id
        return await tell(db, desk.clock.now(), holder, event, None, {})


async def test_carrier_gets_its_notices_again_and_only_its_own(desk: Desk) -> None:
    await told(desk, EventType.ORDER_HELD)
    desk.clock.advance(SECOND)
    held, done = [
        await told(desk, event)
        for event in (EventType.ORDER_HELD, EventType.ORDER_COMPLETED)
    ]
    async with desk.engine.begin() as db:
        other = await a_carrier(db, "china-unicom")
        await an_endpoint(db, desk.carrier)
    others = await told(desk, EventType.ORDER_HELD, other.id)
    wanted = [EventType.ORDER_COMPLETED.value]
    await desk.change(endpoints, event_types=wanted)
    found = await desk.asked({"since": "2026-11-20T04:00:01Z"}, desk.carriers)
    assert (found["scheduled"], found["skipped"]) == (1, 1)
    assert [row.order_id for row in await desk.rows()] == [done]
    named = [format_id(Prefix.EVENT, one) for one in (held, others)]
    found = await desk.asked({"items": [*named, *desk.ids(0)]}, desk.carriers)
    assert (found["scheduled"], found["unknown"]) == (1, 2)
    rows = await desk.rows()
    assert {row.order_id for row in rows} == {held, done}
    assert {row.replay for row in rows} == {True}
    refused = await desk.ask({**SINCE, "status": ["queued"]}, desk.carriers)
    assert refused.json()["errors"][0]["pointer"] == "/status"


@pytest.fixture
async def live(engine: AsyncEngine, receiver: Receiver) -> Stage:
    stage = await set_stage(engine, receiver)
    await stage.add_platforms(1, max_batch=3, max_concurrency=1)
    return stage


async def key_of(stage: Stage) -> Headers:
    holder = Holder(Role.PLATFORM, platform_id=stage.platforms[0])
    async with stage.engine.begin() as db:
        return bearer(await issue(db, CLOCK.now(), holder, "a key", None, "test"))


async def test_platform_that_lost_everything_gets_it_again_by_the_same_names(
    live: Stage,
) -> None:
    """Six items in two requests, one of them finished; then a failure, and refusals."""
    (door,) = live.doors
    before = CLOCK.now() - timedelta(minutes=1)
    made = await live.order(6)
    headers = await key_of(live)
    async with in_process(a_runtime(live.engine, CLOCK)) as api, live.working():
        await live.reaches(live.all_are(ItemStatus.ACKNOWLEDGED))
        first = list(door.deliveries)
        line = {"id": first[-1].item_ids[-1], "outcome": "not_bound"}
        await api.post("/v1/results", json={"results": [line]}, headers=headers)
        door.then(Answer(503))
        door.usual = Answer(422)
        body = {"since": f"{before:%Y-%m-%dT%H:%M:%SZ}"}
        answer = await api.post(URL, json=body, headers=headers)
        assert (answer.json()["scheduled"], answer.json()["closed"]) == (5, 1)

        async def is_done() -> bool:
            return await live.all(select(deliveries.c.id)) == []

        await live.reaches(is_done)
    again = door.deliveries[len(first) :]
    assert door.rejected == 0
    assert {one for delivery in again for one in delivery.item_ids} == {*made} - {
        line["id"]
    }
    whole = (first[0].webhook_id, set(first[0].item_ids))
    assert [(one.webhook_id, set(one.item_ids)) for one in again].count(whole) == 2
    assert again[0].started >= first[-1].started
    counts = await live.counts()
    assert counts == {ItemStatus.ACKNOWLEDGED: 5, ItemStatus.NOT_BOUND: 1}


async def test_replay_is_told_apart_in_the_log_only(live: Stage) -> None:
    (door,) = live.doors
    (made,) = await live.order()
    headers = await key_of(live)
    async with in_process(a_runtime(live.engine, CLOCK)) as api, live.working():
        await live.reaches(live.all_are(ItemStatus.ACKNOWLEDGED))
        await api.post(URL, json={"items": [made]}, headers=headers)

        async def log() -> Any:
            page = await api.get("/v1/endpoint/attempts", headers=headers)
            return page.json()["data"]

        async def came_twice() -> bool:
            return len(await log()) == 2

        await live.reaches(came_twice)
        again, first = await log()
    assert (first["replay"], again["replay"]) == (False, True)
    assert first["webhook_id"] == again["webhook_id"]
    one, other = door.deliveries
    assert one.webhook_id == other.webhook_id
    assert one.items == other.items
    assert door.rejected == 0
    assert await live.tries() == [2]
