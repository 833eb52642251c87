"""Owners and administrators read what was sent, bodies masked, hashes true."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.attempts import an_attempt
from tests.support.builders import a_carrier, a_key, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    many_orders,
)
from tests.support.receiver import Answer, Receiver
from tests.support.sealing import SEALER
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, set_stage
from unbind_broker.base.database import Db
from unbind_broker.base.ids import (
    OrderId,
    Prefix,
    format_id,
    new_uuid7,
)
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus
from unbind_broker.keys.service import Holder, issue
from unbind_broker.keys.tables import Role
from unbind_broker.orders.destroying import destroy
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

URL = "/v1/endpoint/attempts"
ADMINS = "/v1/admin/endpoints/weibo/attempts"
SECOND = timedelta(seconds=1)
Headers = dict[str, str]


@dataclass
class Desk:
    """Two platforms, of which ``weibo`` was sent things; orders; keys."""

    engine: AsyncEngine
    api: AsyncClient
    weibo: Platform
    orders: list[OrderId]
    headers: Headers
    stranger: Headers
    admin: Headers
    carrier: Headers

    async def page(self, headers: Headers | None = None, **query: object) -> Any:
        given = {name: str(value) for name, value in query.items()}
        answer = await self.api.get(URL, params=given, headers=headers or self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ids(self, **query: str) -> list[str]:
        return [one["id"] for one in (await self.page(None, **query))["data"]]

    async def sent(self, *places: int, **changes: Any) -> str:
        """Have sent these orders once; returns the attempt's public id."""
        chosen = [self.orders[place] for place in places]
        async with self.engine.begin() as db:
            made = await an_attempt(db, self.weibo.id, chosen, **changes)
        return format_id(Prefix.ATTEMPT, made.id)

    async def change_orders(self, **changes: object) -> None:
        async with self.engine.begin() as db:
            await db.execute(update(orders).values(**changes))


@pytest.fixture
async def desk(engine: AsyncEngine, api: AsyncClient) -> Desk:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        weibo = await a_reachable_platform(db, "weibo")
        zhihu = await a_reachable_platform(db, "zhihu")
        first = await an_order(db, carrier)
        return Desk(
            engine,
            api,
            weibo,
            [first, *await many_orders(db, carrier, 5, like=first)],
            bearer(await a_key(db, weibo)),
            bearer(await a_key(db, zhihu)),
            bearer(await a_key(db, Role.ADMIN)),
            bearer(await a_key(db, carrier)),
        )


def item_id(order_id: UUID, prefix: Prefix = Prefix.ORDER) -> str:
    return format_id(prefix, order_id)


async def test_attempt_shows_what_went_out_and_what_came_back(desk: Desk) -> None:
    name = await desk.sent(0, 1)
    (shown,) = (await desk.page())["data"]
    items = [item_id(one) for one in desk.orders[:2]]
    body, digest, webhook_id = [
        shown.pop(name) for name in ("body", "body_sha256", "webhook_id")
    ]
    assert shown == {
        "id": name,
        "type": "unbind.requested",
        "items": items,
        "started_at": "2026-11-20T04:00:00Z",
        "outcome": "accepted",
        "status_code": 200,
        "error": None,
        "timings": {"dns": 2, "connect": 4, "tls": 9, "first_byte": 31, "total": 33},
        "answer_head": "ok",
        "replay": False,
        "occasion": None,
        "body_missing": None,
    }
    assert len(digest) == 64
    assert webhook_id.startswith("msg_")
    assert [one["id"] for one in body["data"]["items"]] == items
    numbers = {one["number"] for one in body["data"]["items"]}
    assert numbers == {"+86138****1234"}
    one = await desk.api.get(f"{URL}/{name}", headers=desk.headers)
    assert one.json()["body"] == body


async def test_pages_go_from_the_newest_to_the_oldest(desk: Desk) -> None:
    made = [await desk.sent(0, at=NOON + place * SECOND) for place in range(5)]
    first = await desk.page(limit=2)
    second = await desk.page(limit=2, cursor=first["next_cursor"])
    await desk.sent(0, at=NOON + 9 * SECOND)
    third = await desk.page(limit=2, cursor=second["next_cursor"])
    found = [one["id"] for page in (first, second, third) for one in page["data"]]
    assert found == made[::-1]
    assert third["next_cursor"] is None


async def test_filters_choose_by_item_outcome_and_time(desk: Desk) -> None:
    late = NOON + timedelta(hours=1)
    early = await desk.sent(0, 1, kind=OutcomeKind.TIMED_OUT)
    again = await desk.sent(0, 1, at=late)
    other = await desk.sent(2, at=late)
    about = item_id(desk.orders[1])
    assert await desk.ids(item=about) == [again, early]
    assert await desk.ids(item=about.upper(), outcome="timed_out") == [early]
    assert await desk.ids(outcome="gone") == []
    assert await desk.ids(since="2026-11-20T05:00:00Z") == [other, again]
    assert await desk.ids(until="2026-11-20T05:00:00Z") == [early]
    assert await desk.ids(since="2026-11-20T04:00:00.5Z", until="9999-12-31T23:59:59Z")
    assert await desk.ids(until="0001-01-01T00:00:00Z") == []
    assert len(await desk.ids(since="0001-01-01T00:00:00Z")) == 3
    assert await desk.ids(since="9999-12-31T23:59:59Z") == []
    nobodys = format_id(Prefix.ORDER, UUID(int=(1 << 128) - 1))
    assert await desk.ids(item=nobodys) == []


@pytest.mark.parametrize("item", ["ord_1", "att_01kb2x5d0m3n8c6q1v5w7x9y2z", "x"])
async def test_item_that_is_none_is_pointed_at(desk: Desk, item: str) -> None:
    answer = await desk.api.get(URL, params={"item": item}, headers=desk.headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/item"


async def test_attempts_are_their_owners_and_the_administrators(desk: Desk) -> None:
    name = await desk.sent(0)
    own = (await desk.page())["data"]
    assert (await desk.page(desk.stranger))["data"] == []
    path = f"{URL}/{name}"
    assert (await desk.api.get(path, headers=desk.stranger)).status_code == 404
    assert (await desk.api.get(URL, headers=desk.carrier)).status_code == 404
    nobody = format_id(Prefix.ATTEMPT, new_uuid7(NOON))
    for wrong in (nobody, "att_1"):
        answer = await desk.api.get(f"{URL}/{wrong}", headers=desk.headers)
        assert answer.status_code == 404
    for_admins = await desk.api.get(ADMINS, headers=desk.admin)
    assert for_admins.json()["data"] == own
    one = await desk.api.get(f"{ADMINS}/{name}", headers=desk.admin)
    assert one.json() == own[0]
    zhihus = ADMINS.replace("weibo", "zhihu")
    assert (await desk.api.get(zhihus, headers=desk.admin)).json()["data"] == []
    answer = await desk.api.get(f"{zhihus}/{name}", headers=desk.admin)
    assert answer.status_code == 404


async def missing(desk: Desk) -> str:
    (shown,) = (await desk.page())["data"]
    assert shown["body"] is None
    word: str = shown["body_missing"]
    return word


async def test_body_is_gone_with_the_number(desk: Desk) -> None:
    await desk.sent(0, 1)
    await desk.change_orders(status=OrderStatus.COMPLETED, completed_at=NOON)
    async with desk.engine.begin() as db:
        assert await destroy(db, NOON, desk.orders[:2]) == 2
    assert await missing(desk) == "destroyed"


async def test_body_that_would_be_another_today_is_not_shown(desk: Desk) -> None:
    await desk.sent(0)
    await desk.change_orders(deadline=NOON + timedelta(days=30))
    assert await missing(desk) == "changed"


async def test_number_under_a_key_that_is_not_at_hand_is_not_shown(desk: Desk) -> None:
    await desk.sent(0)
    await desk.change_orders(number_sealed=b"\x01" * 60)
    assert await missing(desk) == "unreadable"


async def test_request_that_was_never_signed_has_no_body(desk: Desk) -> None:
    nothing = hashlib.sha256(b"").digest()
    await desk.sent(0, kind=OutcomeKind.OWN_FAULT, body_sha256=nothing)
    assert await missing(desk) == "not_sent"


async def test_challenge_is_not_kept(desk: Desk) -> None:
    await desk.sent(event=EventType.ENDPOINT_VERIFICATION)
    assert await missing(desk) == "not_kept"


async def test_attestation_is_hidden_and_the_hash_still_true(desk: Desk) -> None:
    sealed = SEALER.seal(b"a.b.c", context=b"attestation")
    await desk.change_orders(attestation_sealed=sealed)
    await desk.sent(0)
    (shown,) = (await desk.page())["data"]
    assert shown["body"]["data"]["items"][0]["attestation"] == "***"


async def test_long_pages_show_no_bodies(desk: Desk) -> None:
    await desk.sent(0)
    (shown,) = (await desk.page(limit=51))["data"]
    assert (shown["body"], shown["body_missing"]) == (None, "see_attempt")


async def test_bodies_of_a_page_are_bounded_by_their_items(desk: Desk) -> None:
    many = tuple(UUID(int=one) for one in range(999))
    await desk.sent(0)
    await desk.sent(subject_ids=many)
    await desk.sent(0)
    found = [one["body_missing"] for one in (await desk.page())["data"]]
    assert found == [None, "destroyed", "see_attempt"]


async def test_restore_names_the_order_as_its_platform_knows_it(
    desk: Desk,
) -> None:
    restore = desk.orders[3]
    await desk.change_orders(kind=OrderKind.RESTORE, restores=desk.orders[0])
    name = await desk.sent(3, event=EventType.RESTORE_REQUESTED)
    (shown,) = (await desk.page(item=item_id(restore)))["data"]
    assert shown["id"] == name
    (item,) = shown["body"]["data"]["items"]
    assert item["restores"] == item_id(desk.orders[0])


@pytest.fixture
async def live(engine: AsyncEngine, receiver: Receiver) -> Stage:
    stage = await set_stage(engine, receiver)
    await stage.add_platforms(1)
    return stage


async def key_of(db: Db, stage: Stage) -> Headers:
    holder = Holder(Role.PLATFORM, platform_id=stage.platforms[0])
    return bearer(await issue(db, CLOCK.now(), holder, "a key", None, "test"))


async def test_hashes_are_those_of_the_very_bytes_that_arrived(live: Stage) -> None:
    """Requests, cancellations and notices, over a real worker."""
    (door,) = live.doors
    door.then(Answer(503))
    (sold,) = await live.order_ids()
    async with in_process(a_runtime(live.engine, CLOCK)) as api, live.working():
        async with live.engine.begin() as db:
            headers = await key_of(db, live)
            carrier = bearer(await a_key(db, live.carrier, now=CLOCK.now()))
            told = live.receiver.door("carrier")
            made = await an_endpoint(db, live.carrier, told.url, now=CLOCK.now())
            told.secrets.append(made.secret)
        await live.reaches(live.all_are(ItemStatus.ACKNOWLEDGED))
        path = f"/v1/orders/{live.public_id(sold)}/cancel"
        assert (await api.post(path, headers=carrier)).status_code == 200
        assert (await api.post("/v1/endpoint/test", headers=carrier)).is_success

        async def arrived() -> bool:
            pages = [await api.get(URL, headers=one) for one in (headers, carrier)]
            return [len(one.json()["data"]) for one in pages] == [3, 2]

        await eventually(arrived)
        shown = (await api.get(URL, headers=headers)).json()["data"]
        notices = (await api.get(URL, headers=carrier)).json()["data"]
    assert [one["type"] for one in shown[::-1]] == [
        "unbind.requested",
        "unbind.requested",
        "unbind.cancelled",
    ]
    assert [one["outcome"] for one in shown[::-1]] == [
        "throttled",
        "accepted",
        "accepted",
    ]
    same(shown, door.deliveries)
    by_arrival = sorted(
        told.deliveries, key=lambda one: places(notices)[one.webhook_id]
    )
    same(notices, by_arrival)
    bodies = {one["type"]: one["body"]["data"] for one in notices}
    assert bodies.keys() == {"order.completed", "endpoint.test"}
    assert bodies["endpoint.test"] == {}
    assert bodies["order.completed"]["status"] == "cancelled"


def places(shown: list[Any]) -> dict[str, int]:
    """The order in which attempts began, which need not be that of their arrival."""
    return {one["webhook_id"]: place for place, one in enumerate(shown[::-1])}


def same(shown: list[Any], deliveries: list[Any]) -> None:
    for one, delivery in zip(shown[::-1], deliveries, strict=True):
        assert one["body_sha256"] == hashlib.sha256(delivery.body).hexdigest()
        assert one["webhook_id"] == delivery.webhook_id
        assert one["body"]["type"] == delivery.type
        assert one["body"]["timestamp"] == delivery.payload["timestamp"]
