"""Administrators see what could not be delivered, and have it sent again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON, FixedClock
from tests.support.order_api import CONSENT, Scene, a_scene, not_bound, query_body
from tests.support.receipts import receipt
from tests.support.trail import trail
from tests.support.undeliverable import (
    URL,
    Desk,
    a_desk,
    pass_deadlines,
    skipped,
    uuid_of,
)
from unbind_broker.deadlines.braking import keep_brake
from unbind_broker.deadlines.retaining import destroy_old
from unbind_broker.deliveries import queue
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.states import Delivery
from unbind_broker.sending.recheck import still_waiting


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "douyin") as made:
        await made.add_platform("dating", sensitive=True)
        yield made


@pytest.fixture
async def desk(scene: Scene) -> Desk:
    return await a_desk(scene)


async def test_a_refused_item_is_listed_with_all_that_is_known(desk: Desk) -> None:
    order_id = await desk.refused()
    (item,) = await desk.listed()
    assert item == {
        "item": order_id,
        "kind": "unbind",
        "platform": "weibo",
        "carrier": "china-mobile",
        "number": "+86138****0001",
        "cause": "refused",
        "reason": "the platform refused the request for good",
        "attempts": 1,
        "at": "2026-11-20T04:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
        "requeueable": True,
        "why_not": None,
        "last_attempt": None,
    }


async def test_overdue_items_are_listed_and_stay_ended(desk: Desk) -> None:
    await desk.order()
    desk.scene.clock.advance(timedelta(days=10))
    await pass_deadlines(desk.engine, desk.scene.clock.now())
    found = await desk.listed()
    assert [one["platform"] for one in found] == ["dating", "douyin", "weibo"]
    assert {one["cause"] for one in found} == {"overdue"}
    assert {one["why_not"] for one in found} == {"the order's deadline has passed"}
    done = await desk.requeue(platform="weibo")
    assert (done["requeued"], skipped(done)) == (0, {"deadline-passed": 1})


async def test_newest_orders_come_first_in_pages_and_narrowed(desk: Desk) -> None:
    first = await desk.refused(1)
    await desk.refuse(first, "dating")
    desk.scene.clock.advance(timedelta(hours=1))
    second = await desk.refused(2)
    everything = [(one["item"], one["platform"]) for one in await desk.listed()]
    assert everything == [(second, "weibo"), (first, "dating"), (first, "weibo")]
    walked: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await desk.read(limit=1, **cursor)).json()
        walked += [(one["item"], one["platform"]) for one in page["data"]]
        cursor = {"cursor": page["next_cursor"]}
    assert walked == everything
    assert cursor == {"cursor": None}

    async def items(**query: str) -> list[str]:
        return [one["item"] for one in await desk.listed(**query)]

    assert await items(platform="dating") == [first]
    assert await items(carrier="china-unicom") == []
    assert await items(carrier="china-mobile", platform="weibo") == [second, first]
    assert await items(cause="overdue") == []
    assert await items(since="2026-11-20T05:00:00Z") == [second]
    assert await items(until="2026-11-20T05:00:00Z") == [first, first]


async def test_what_cannot_be_listed_is_refused(desk: Desk) -> None:
    wrong: list[dict[str, str | int]] = [
        {"status": "queued"},
        {"cause": "lost"},
        {"cursor": "eA"},
        {"limit": 0},
        {"since": "yesterday"},
        {"platform": "No Slug"},
    ]
    for query in wrong:
        answer = await desk.read(**query)
        assert answer.status_code == 422, query
        assert answer.json()["code"] == "validation-failed", query


async def test_a_status_must_be_said_and_any_time_may_be(desk: Desk) -> None:
    answer = await desk.scene.http.get(URL, headers=desk.admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/status"
    for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert await desk.listed(since=at, until=at) == []


async def test_a_late_result_takes_an_item_off_the_list(desk: Desk) -> None:
    order_id = await desk.refused()
    await desk.scene.report("weibo", not_bound(order_id))
    assert await desk.listed() == []
    assert await desk.noted() == []
    done = await desk.requeue(order_id)
    assert (done["requeued"], skipped(done)) == (0, {"not-undeliverable": 1})


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(desk: Desk) -> None:
    order_id = await desk.refused()
    before = await desk.rows_of(order_id)
    answer = await desk.post(f"{URL}/requeue", {"platform": "weibo"})
    assert answer.json() == {
        "dry_run": True,
        "would_requeue": 1,
        "skipped": dict.fromkeys(answer.json()["skipped"], 0),
        "more": False,
        "next_cursor": None,
    }
    assert await desk.rows_of(order_id) == before
    assert await desk.queued() == []
    async with desk.engine.connect() as db:
        assert await trail(db, "items.requeued") == []


async def test_requeued_items_are_queued_and_their_orders_open_again(
    desk: Desk,
) -> None:
    order_id = await desk.refuse(await desk.order(), "weibo", "douyin", "dating")
    assert (await desk.order_of(order_id))["status"] == "completed"
    desk.scene.clock.advance(timedelta(hours=1))
    done = await desk.requeue(order_id)
    assert (done["requeued"], skipped(done), done["more"]) == (1, {}, False)
    order = await desk.order_of(order_id)
    assert (order["status"], order["completed_at"]) == ("in_progress", None)
    assert order["summary"] == {"total": 2, "queued": 1, "undeliverable": 1}
    (item,) = [one for one in order["items"] if one["platform"] == "weibo"]
    assert (item["finished_at"], item["attempts"]) == (None, 1)
    (row,) = await desk.queued()
    assert (row.order_id, row.attempt) == (uuid_of(order_id), 0)
    assert (row.due_at, row.replay) == (NOON + timedelta(hours=1), False)
    assert {one["platform"] for one in await desk.listed()} == {"douyin", "dating"}
    async with desk.engine.connect() as db:
        one, call = await trail(db, "item")
    occasion = str(row.occasion)
    assert (one.actor, call.actor) == ("admin:5", "admin:5")
    assert one.facts == {"platforms": ["weibo"], "occasion": occasion}
    assert call.facts == {
        "requeued": 1,
        "orders": 1,
        "skipped": {},
        "occasion": occasion,
        "wanted": None,
    }


async def test_each_requeue_is_an_occasion_of_its_own(desk: Desk) -> None:
    order_id = await desk.refused()
    occasions = set()
    for _ in range(2):
        assert (await desk.requeue(order_id))["requeued"] == 1
        occasions |= {row.occasion for row in await desk.queued()}
        await desk.refuse(order_id, "weibo")
    assert len(occasions) == 2
    assert [one["attempts"] for one in await desk.listed()] == [3]


async def test_a_platform_that_fetches_gets_it_once_more(desk: Desk) -> None:
    await desk.scene.add_platform("fetching", delivery=Delivery.PULL)
    order_id = await desk.refused(slug="fetching")
    await desk.requeue(platform="fetching")
    headers = desk.scene.platform_headers["fetching"]
    fetched = await desk.scene.http.get("/v1/items", headers=headers)
    assert [one["id"] for one in fetched.json()["data"]] == [order_id]


async def test_items_are_spread_over_time(desk: Desk) -> None:
    for place in range(4):
        await desk.refused(place)
    await desk.requeue(platform="weibo", spread_seconds=60)
    due = sorted((row.due_at - NOON).total_seconds() for row in await desk.queued())
    assert due == [0, 15, 30, 45]


async def test_usually_twenty_go_in_a_second(desk: Desk) -> None:
    for place in range(25):
        await desk.refused(place, platforms=["weibo"])
    assert (await desk.requeue(platform="weibo"))["requeued"] == 25
    due = [(row.due_at - NOON).total_seconds() for row in await desk.queued()]
    assert sorted(due) == [0] * 13 + [1] * 12


Preparing = Callable[[Desk, str], Awaitable[object]]


async def _cancel(desk: Desk, order_id: str) -> None:
    answer = await desk.scene.post(f"/v1/orders/{order_id}/cancel", {})
    assert answer.json()["status"] == "cancelled"


async def _newer_holder(desk: Desk, order_id: str) -> None:
    del order_id
    await desk.order(owner_since="2026-01-01")


async def _disconnect(desk: Desk, order_id: str) -> None:
    del order_id
    line = {"number": "+8613800000001", "event": "disconnected", "on": "2026-11-19"}
    answer = await desk.scene.post("/v1/holdings", {"holdings": [line]})
    assert answer.json()["recorded"] == 1, answer.text


async def _retract(desk: Desk, order_id: str) -> None:
    wrong = {"carrier": "china-mobile", "owner_since": "2025-03-01", "reason": "wrong"}
    body = {"number": "+8613800000001", **wrong}
    await _admin("/v1/admin/holdings/retract", body)(desk, order_id)


async def _restore(desk: Desk, order_id: str) -> None:
    line = {
        "id": order_id,
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2024-05-01T00:00:00Z",
        "restorable_until": "2027-01-01T00:00:00Z",
    }
    await desk.scene.report("douyin", line)
    path = f"/v1/orders/{order_id}/restore"
    answer = await desk.scene.post(path, {"reason": "a mistake"})
    assert answer.status_code == 202, answer.text


async def _destroy(desk: Desk, order_id: str) -> None:
    del order_id
    async with desk.engine.begin() as db:
        now = desk.scene.clock.now()
        destroyed = await destroy_old(db, now, now + timedelta(days=1), None, 10)
    assert destroyed.orders == 1


def _admin(path: str, body: object = None) -> Preparing:
    async def call(desk: Desk, order_id: str) -> None:
        del order_id
        answer = await desk.post(path, body)
        assert answer.status_code == 200, answer.text

    return call


async def _equal_order(desk: Desk, order_id: str) -> None:
    del order_id
    await desk.order()


_BRAKE = {"carrier": "china-mobile", "reason": "wrong dates"}
WHILE_OPEN: dict[str, Preparing] = {
    "order-cancelled": _cancel,
    "order-restored": _restore,
    "joined": _equal_order,
}
WHEN_COMPLETED: dict[str, tuple[str, Preparing]] = {
    "a later holder": ("superseded", _newer_holder),
    "a wrong holding": ("superseded", _retract),
    "a disconnection": ("number-disconnected", _disconnect),
    "a destroyed number": ("number-destroyed", _destroy),
    "a suspended carrier": (
        "carrier-suspended",
        _admin("/v1/admin/carriers/china-mobile/suspend"),
    ),
    "a suspended platform": (
        "platform-suspended",
        _admin("/v1/admin/platforms/weibo/suspend"),
    ),
    "the brake": ("carrier-braked", _admin("/v1/admin/brake", _BRAKE)),
}


@pytest.mark.parametrize("reason", WHILE_OPEN)
async def test_what_was_decided_about_an_order_stands(desk: Desk, reason: str) -> None:
    order_id = await desk.refused()
    await WHILE_OPEN[reason](desk, order_id)
    await _is_left_alone(desk, order_id, reason)


@pytest.mark.parametrize("what", WHEN_COMPLETED)
async def test_what_protects_people_stands_above_a_requeue(
    desk: Desk, what: str
) -> None:
    order_id = await desk.refuse(await desk.order(), "weibo", "douyin", "dating")
    reason, happen = WHEN_COMPLETED[what]
    await happen(desk, order_id)
    await _is_left_alone(desk, order_id, reason)


async def _is_left_alone(desk: Desk, order_id: str, reason: str) -> None:
    before = await desk.rows_of(order_id)
    dry = await desk.requeue(order_id, dry_run=True)
    done = await desk.requeue(order_id)
    assert (dry["would_requeue"], done["requeued"]) == (0, 0)
    assert skipped(dry) == skipped(done) == {reason: 1}
    assert await desk.rows_of(order_id) == before
    shown = {one["item"]: one for one in await desk.listed(platform="weibo")}
    assert shown[order_id]["requeueable"] is False
    assert shown[order_id]["why_not"]


async def test_queries_go_on_while_unbinding_is_stopped(desk: Desk) -> None:
    answer = await desk.scene.post("/v1/queries", query_body())
    query_id = await desk.refuse(answer.json()["id"], "weibo")
    await _admin("/v1/admin/brake", _BRAKE)(desk, query_id)
    assert (await desk.requeue(query_id))["requeued"] == 1
    (row,) = await desk.queued()
    shown = (await desk.scene.get(f"/v1/queries/{query_id}")).json()
    assert (row.event.value, shown["status"]) == ("query.requested", "in_progress")


async def test_the_brake_keeps_back_what_its_carrier_cannot_see(desk: Desk) -> None:
    order_id = await desk.refuse(await desk.order(), "weibo", "douyin", "dating")
    seen = await desk.order_of(order_id)
    named = [{"item": order_id, "platform": "dating"}]
    assert (await desk.requeue(items=named))["requeued"] == 1
    (row,) = await desk.queued()

    async def due() -> int:
        """Count what is due; what waits in memory already is judged alike."""
        async with desk.engine.begin() as db:
            found = await queue.due(db, row.due_at, {row.endpoint_id: 10})
            (endpoint,) = await endpoints.load_many(db, [row.endpoint_id])
            assert endpoint.platform_id is not None
            waits = await still_waiting(db, endpoint.platform_id, [row.order_id])
        assert len(found) == len(waits)
        return len(found)

    assert await due() == 1
    await _admin("/v1/admin/brake", _BRAKE)(desk, order_id)
    async with desk.engine.begin() as db:
        moved = await keep_brake(db, desk.scene.clock.now(), 10)
    assert (moved.held, await due()) == ([], 0)
    assert await desk.order_of(order_id) == seen
    await _admin("/v1/admin/brake/release", _BRAKE)(desk, order_id)
    assert await due() == 1


async def test_of_equal_items_only_one_is_sent_again(desk: Desk) -> None:
    first = await desk.refused()
    second = await desk.order()  # does not join what was refused
    await desk.refuse(second, "weibo")
    done = await desk.requeue(platform="weibo")
    assert (done["requeued"], skipped(done)) == (1, {"joined": 1})
    (row,) = await desk.queued()
    assert row.order_id == uuid_of(second)
    assert skipped(await desk.requeue(first)) == {"joined": 1}


async def test_unknown_items_and_platforms_are_skipped(desk: Desk) -> None:
    order_id = await desk.refused()
    nobody = order_id[:-4] + "0000"
    named = [
        {"item": nobody, "platform": "weibo"},
        {"item": order_id, "platform": "nobody"},
        {"item": order_id, "platform": "douyin"},
        {"item": order_id, "platform": "weibo"},
        {"item": order_id, "platform": "weibo"},
    ]
    done = await desk.requeue(items=named)
    assert (done["requeued"], skipped(done)) == (1, {"not-undeliverable": 3})


async def test_what_cannot_be_requeued_is_refused(desk: Desk) -> None:
    one = {"item": "x", "platform": "weibo"}
    wrong: list[tuple[dict[str, object], str]] = [
        ({}, "/platform"),
        ({"items": []}, "/items"),
        ({"items": [{**one, "item": "att_1"}]}, "/items/0/item"),
        ({"items": [{**one, "platform": "-"}]}, "/items/0/platform"),
        ({"items": [one], "platform": "weibo"}, "/platform"),
        ({"items": [one] * 1001}, "/items"),
        ({"platform": "weibo", "spread_seconds": 3601}, "/spread_seconds"),
        ({"platform": "weibo", "cursor": "eA"}, "/cursor"),
        ({"platform": "weibo", "cause": "lost"}, "/cause"),
        ({"platform": "weibo", "dry_run": "no"}, "/dry_run"),
    ]
    for body, pointer in wrong:
        answer = await desk.post(f"{URL}/requeue", body)
        assert answer.status_code == 422, body
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_a_receipt_from_before_stays_and_the_next_is_another(desk: Desk) -> None:
    scene = desk.scene
    order_id = await desk.refuse(await desk.order(), "weibo", "douyin", "dating")
    first = await receipt(scene, order_id)
    scene.clock.advance(timedelta(minutes=1))
    await desk.requeue(order_id)
    meanwhile = await receipt(scene, order_id)
    assert meanwhile.json()["code"] == "order-not-completed"
    await scene.report("weibo", not_bound(order_id))
    (item,) = [
        one
        for one in (await desk.order_of(order_id))["items"]
        if one["platform"] == "weibo"
    ]
    assert (item["status"], item["late"]) == ("not_bound", False)
    second = await receipt(scene, order_id)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.text != first.text
    path = f"/v1/orders/{order_id}/receipt"
    assert (await scene.get(path, version=1)).text == first.text
    assert (await scene.get(path, version=2)).text == second.text


async def test_whoever_waits_waits_for_the_requeued_item_too(desk: Desk) -> None:
    body = query_body(number="+8613800000001", consent=CONSENT)
    key = {"Idempotency-Key": "waiting"}
    made = await desk.scene.post("/v1/orders", body, key)
    order_id = await desk.refuse(made.json()["id"], "weibo", "douyin", "dating")
    await desk.requeue(order_id)
    waited = await desk.scene.post("/v1/orders", body, {**key, "Prefer": "wait=1"})
    assert (waited.status_code, waited.json()["status"]) == (202, "in_progress")
