"""A whole worker against real receivers: what reaches the platforms, and how."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import TOOLS
from tests.support.receiver import Answer
from tests.support.simulated_time import LARGEST_STEP, simulate_time
from tests.support.trail import trail
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind, OrderStatus


async def test_two_hundred_platforms_get_every_item_once(stage: Stage) -> None:
    await stage.add_platforms(200)
    async with stage.working():
        ids = await stage.order(5)
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert len(stage.doors) == 200
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)
        assert door.rejected == 0
    assert set(await stage.tries()) == {1}


async def test_limits_hold_at_the_receiver(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=7, max_concurrency=3)
    stage.doors[0].usual = Answer(delay=0.02)
    ids = await stage.order(100)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    door = stage.doors[0]
    assert door.times_sent == dict.fromkeys(ids, 1)
    assert door.largest_batch == 7
    assert door.peak_in_flight == 3


async def test_payload_is_what_the_contract_says(stage: Stage) -> None:
    await stage.add_platforms(1)
    (order_id,) = await stage.order()
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    (delivery,) = stage.doors[0].deliveries
    assert delivery.type == "unbind.requested"
    assert delivery.headers["user-agent"].startswith("unbind-broker/")
    assert delivery.headers["accept-encoding"] == "identity"
    assert delivery.headers["content-type"] == "application/json"
    (item,) = delivery.items
    made_at, deadline = item.pop("created_at"), item.pop("deadline")
    assert made_at < deadline
    assert item == {
        "id": order_id,
        "number": "+8613800001234",
        "scope": "previous_owner",
        "action": "detach",
        "owner_since": "2025-03-01",
        "bound_from": None,
        "bound_before": "2025-02-28T16:00:00Z",
        "carrier": "china-mobile",
        "attestation": None,
    }


async def test_query_and_order_are_different_webhooks(stage: Stage) -> None:
    await stage.add_platforms(1)
    (query_id,) = await stage.order(kind=OrderKind.QUERY)
    (order_id,) = await stage.order()
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    by_type = {one.type: one.item_ids for one in stage.doors[0].deliveries}
    assert by_type == {"query.requested": [query_id], "unbind.requested": [order_id]}


async def test_failed_batch_meets_again_under_the_same_webhook_id(
    stage: Stage,
) -> None:
    await stage.add_platforms(1, max_batch=4, max_concurrency=2)
    door = stage.doors[0]
    door.then(Answer(503), Answer(500), Answer(reset=True))
    ids = await stage.order(8)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    sent: dict[str, list[list[str]]] = {}
    for delivery in door.deliveries:
        sent.setdefault(delivery.webhook_id, []).append(sorted(delivery.item_ids))
    assert len(door.deliveries) == 5
    assert all(batch == batches[0] for batches in sent.values() for batch in batches)
    assert sorted(one for batches in sent.values() for one in batches[0]) == ids
    stamps = [one.headers["webhook-signature"] for one in door.deliveries]
    assert door.rejected == 0
    assert len(stamps) == 5
    assert await stage.all(select(deliveries.c.id)) == []


async def test_halving_leaves_only_the_culprit_undeliverable(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=16)
    door = stage.doors[0]
    ids = await stage.order(16)
    culprit = ids[5]
    door.judge = lambda sent: Answer(422) if culprit in sent.item_ids else None
    async with stage.working():
        await stage.reaches(stage.none_is_queued)
        counts = await stage.counts()
        assert counts == {ItemStatus.ACKNOWLEDGED: 15, ItemStatus.UNDELIVERABLE: 1}
    refused = [len(one.items) for one in door.deliveries if culprit in one.item_ids]
    assert refused == [16, 8, 4, 2, 1]
    assert len(door.deliveries) == 9
    assert await stage.all(select(deliveries.c.id)) == []


async def test_retry_after_holds_the_whole_endpoint(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=1, max_concurrency=1)
    door = stage.doors[0]
    door.then(Answer(429, headers={"Retry-After": "1"}))
    await stage.order(3)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    first, second, *_ = [delivery.started for delivery in door.deliveries]
    assert second - first > 0.99
    assert len(door.deliveries) == 4


async def test_gone_endpoint_is_disabled_and_its_items_wait(stage: Stage) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.usual = Answer(410)
    (order_id,) = await stage.order()
    status = select(endpoints.c.status)
    async with stage.working():
        await stage.reaches(lambda: stage.one_is(status, EndpointStatus.DISABLED))
        before = len(door.deliveries)
        door.usual = Answer()
        assert await stage.counts() == {ItemStatus.QUEUED: 1}
        await stage.change_endpoint(0, status=EndpointStatus.ACTIVE)
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert before == 1
    assert door.item_ids == [order_id, order_id]


async def test_paused_endpoint_gets_nothing_until_it_is_resumed(stage: Stage) -> None:
    await stage.add_platforms(2)
    paused, other = stage.doors
    owner = Owner(paused.slug, platform_id=stage.platforms[0])
    async with stage.engine.begin() as db:
        now = CLOCK.now()
        await service.pause(db, now, owner, PausedBy.OWNER, "test")
    async with stage.working():
        ids = await stage.order(3)
        await eventually(lambda: sorted(other.item_ids) == ids)
        assert paused.item_ids == []
        async with stage.engine.begin() as db:
            await service.resume(db, CLOCK.now(), owner, PausedBy.OWNER, "test")
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert paused.times_sent == dict.fromkeys(ids, 1)


async def test_results_in_the_answer_complete_the_order(stage: Stage) -> None:
    await stage.add_platforms(3)

    def not_bound(item: dict[str, Any]) -> dict[str, object]:
        return {"id": item["id"], "outcome": "not_bound"}

    for door in stage.doors:
        door.usual = Answer(results=not_bound)
    (order_id,) = await stage.order_ids()
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.NOT_BOUND))
        await stage.reaches(lambda: stage.order_is(order_id, OrderStatus.COMPLETED))
    assert await stage.tries() == [1, 1, 1]


async def test_nonsense_in_an_answer_is_an_acknowledgement(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=1, max_concurrency=1)
    stage.doors[0].then(
        Answer(body=b"thanks"),
        Answer(body=b'{"results": 5}'),
        Answer(body=b'{"results": [7, {"id": "ord_x"}, {"id": 3}]}'),
        Answer(body=b"[" * 5000),
        Answer(204),
        Answer(202, body=b"x" * 100_000),
    )
    await stage.order(6)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert await stage.tries() == [1] * 6


async def test_unanswered_item_ends_at_its_deadline_and_is_sent_no_more(
    engine: AsyncEngine, stage: Stage
) -> None:
    async def nothing_waits() -> bool:
        return await stage.all(select(deliveries.c.id)) == []

    clock = await simulate_time(engine)
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.then(Answer(500))
    door.usual = Answer(500, hang=True)
    (order_id,) = await stage.order_ids()
    deadline = clock.now() + LARGEST_STEP
    await stage.change_order(order_id, deadline=deadline)
    async with stage.working(short(lease=600), clock=clock):
        await eventually(lambda: len(door.deliveries) == 2 and door.in_flight)
        await clock.step()
        door.usual = Answer(500)
        door.release(Answer(500))
        await stage.reaches(stage.all_are(ItemStatus.UNDELIVERABLE))
        await stage.reaches(lambda: stage.order_is(order_id, OrderStatus.COMPLETED))
        await eventually(nothing_waits)
        sent, door.usual = dict(door.times_sent), Answer()
        (following,) = await stage.order()
        await eventually(lambda: following in door.times_sent)
        await stage.reaches(stage.none_is_queued)
    assert door.times_sent == {**sent, following: 1}
    *unanswered, _ = sorted(await stage.all(select(attempts.c.started_at)))
    assert len(unanswered) == 2
    assert max(unanswered) < deadline


async def test_held_order_is_sent_once_it_is_released(stage: Stage) -> None:
    await stage.add_platforms(1)
    (order_id,) = await stage.order_ids()
    until = CLOCK.now() + timedelta(seconds=0.5)
    await stage.change_order(order_id, status=OrderStatus.HELD, held_until=until)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    (started,) = await stage.all(select(attempts.c.started_at))
    assert started >= until


async def test_rotated_secret_signs_along_with_the_old_one(stage: Stage) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    owner = Owner(door.slug, platform_id=stage.platforms[0])
    async with stage.engine.begin() as db:
        grace = timedelta(hours=1)
        now = CLOCK.now()
        await service.rotate_secret(db, now, owner, grace, TOOLS, "test")
    await stage.order()
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    (delivery,) = door.deliveries
    assert delivery.headers["webhook-signature"].count("v1,") == 2
    assert door.rejected == 0


async def test_every_exchange_is_on_record(stage: Stage) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.then(Answer(500, body="号码 13800001234 unknown".encode()))
    (order_id,) = await stage.order()
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    async with stage.engine.connect() as db:
        rows = (await db.execute(select(attempts).order_by(attempts.c.id))).all()
        told = await trail(db, "attempt.disclosed")
    assert [row.outcome for row in rows] == [OutcomeKind.FAILED, OutcomeKind.ACCEPTED]
    assert [row.status_code for row in rows] == [500, 200]
    assert rows[0].answer_head == "号码 **** unknown"
    assert [row.webhook_id for row in rows] == [
        one.webhook_id for one in door.deliveries
    ]
    assert [row.order_ids for row in rows] == [[parse_id(order_id, Prefix.ORDER)]] * 2
    assert [one.facts["count"] for one in told] == [1, 1]
    assert "13800001234" not in json.dumps([one.facts for one in told])
