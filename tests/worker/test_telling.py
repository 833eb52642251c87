"""A whole worker tells carriers what happened, and platforms what was called back."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.support.builders import TOOLS, an_endpoint
from tests.support.order_builders import an_order, asked
from tests.support.receiver import Answer, Door
from tests.support.waiting import eventually
from tests.worker.a_process import a_process, kill
from tests.worker.stage import CLOCK, Stage
from unbind_broker.base.ids import OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.telling import tell

NUMBERS = [PhoneNumber(f"+861380000{place:04}") for place in range(100, 200)]
ITEMS = select(items.c.attempts).order_by(items.c.order_id)


@pytest.fixture
async def door(stage: Stage) -> Door:
    """The carrier's own endpoint."""
    made = stage.receiver.door("carrier")
    async with stage.engine.begin() as db:
        posted = await an_endpoint(db, stage.carrier, made.url, now=CLOCK.now())
    made.secrets.append(posted.secret)
    return made


def owner(stage: Stage) -> Owner:
    return Owner(stage.carrier.slug, carrier_id=stage.carrier.id)


async def told(
    stage: Stage, event: EventType = EventType.ORDER_HELD, **data: object
) -> UUID:
    async with stage.engine.begin() as db:
        return await tell(db, CLOCK.now(), stage.carrier.id, event, None, data)


async def nothing_is_queued(stage: Stage) -> bool:
    return await stage.all(select(deliveries.c.id)) == []


async def nothing_is_due(stage: Stage) -> bool:
    due = deliveries.c.due_at <= CLOCK.now()
    return await stage.all(select(deliveries.c.id).where(due)) == []


async def orders_of(stage: Stage, count: int) -> list[OrderId]:
    """Orders of as many numbers, so that none joins another."""
    made = []
    for number in NUMBERS[:count]:
        async with stage.engine.begin() as db:
            now = CLOCK.now()
            wanted = asked(number=number, now=now)
            made.append(await an_order(db, stage.carrier, wanted, now=now))
    return made


async def called_back(stage: Stage, *orders: OrderId) -> None:
    async with stage.engine.begin() as db:
        now = CLOCK.now()
        ended = await call_back(db, now, orders, Reason.BY_CARRIER, "test")
    assert set(ended) == set(orders)


async def test_notice_is_signed_and_says_when_it_happened(
    stage: Stage, door: Door
) -> None:
    await told(stage, order_id="ord_1", reference="店")
    async with stage.working():
        await eventually(lambda: door.deliveries)
        await stage.reaches(lambda: nothing_is_queued(stage))
    (delivery,) = door.deliveries
    assert delivery.type == "order.held"
    assert delivery.payload["data"] == {"order_id": "ord_1", "reference": "店"}
    assert delivery.payload.keys() == {"type", "timestamp", "data"}
    assert delivery.headers["content-type"] == "application/json"
    assert door.rejected == 0


async def test_notice_is_repeated_under_the_same_id_until_it_is_taken(
    stage: Stage, door: Door
) -> None:
    door.then(Answer(503), Answer(500), Answer(302))
    await told(stage, n=1)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 4)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert len({one.webhook_id for one in door.deliveries}) == 1
    assert len({one.body for one in door.deliveries}) == 1
    assert door.rejected == 0
    assert len(await stage.all(select(attempts.c.id))) == 4


async def test_notices_go_one_by_one(stage: Stage, door: Door) -> None:
    async with stage.engine.begin() as db:
        for n in range(5):
            event = EventType.ORDER_VIOLATION
            await tell(db, CLOCK.now(), stage.carrier.id, event, None, {"n": n})
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 5)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert sorted(one.payload["data"]["n"] for one in door.deliveries) == [*range(5)]
    assert len({one.webhook_id for one in door.deliveries}) == 5


async def test_refused_notice_is_given_up_and_the_next_goes_out(
    stage: Stage, door: Door
) -> None:
    door.then(Answer(422))
    await told(stage, n=1)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 1)
        await told(stage, n=2)
        await eventually(lambda: len(door.deliveries) == 2)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert [one.payload["data"]["n"] for one in door.deliveries] == [1, 2]


async def test_paused_carrier_is_told_once_it_resumes(stage: Stage, door: Door) -> None:
    async with stage.engine.begin() as db:
        await service.pause(db, CLOCK.now(), owner(stage), PausedBy.OWNER, "test")
    await told(stage, n=1)
    await stage.add_platforms(1)
    async with stage.working():
        await stage.order()
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
        assert door.deliveries == []
        async with stage.engine.begin() as db:
            await service.resume(db, CLOCK.now(), owner(stage), PausedBy.OWNER, "test")
        await eventually(lambda: door.deliveries)
    assert [one.payload["data"] for one in door.deliveries] == [{"n": 1}]


async def test_carrier_that_is_gone_is_disabled_and_told_when_it_is_back(
    stage: Stage, door: Door
) -> None:
    door.then(Answer(410))
    await told(stage, n=1)
    async with stage.working():
        disabled = select(endpoints.c.status)
        await stage.reaches(lambda: stage.one_is(disabled, EndpointStatus.DISABLED))
        await told(stage, n=2)
        async with stage.engine.begin() as db:
            await service.mark_verified(db, CLOCK.now(), owner(stage), door.url, "test")
        await eventually(lambda: len(door.deliveries) == 3)
    assert sorted(one.payload["data"]["n"] for one in door.deliveries) == [1, 1, 2]


async def test_both_secrets_sign_a_notice_during_rotation(
    stage: Stage, door: Door
) -> None:
    async with stage.engine.begin() as db:
        now, grace = CLOCK.now(), timedelta(hours=1)
        await service.rotate_secret(db, now, owner(stage), grace, TOOLS, "test")
    await told(stage)
    async with stage.working():
        await eventually(lambda: door.deliveries)
    (delivery,) = door.deliveries
    assert len(delivery.headers["webhook-signature"].split()) == 2
    assert door.rejected == 0


async def test_notice_in_flight_at_a_crash_is_sent_again_under_the_same_id(
    stage: Stage, door: Door, database_url: str
) -> None:
    door.then(Answer(hang=True))
    async with a_process(database_url) as victim:
        await told(stage, n=1)
        await eventually(lambda: door.deliveries)
        await kill(victim, stage)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 2)
        await stage.reaches(lambda: nothing_is_queued(stage))
    first, second = door.deliveries
    assert first.webhook_id == second.webhook_id
    assert first.body == second.body


async def test_cancellations_go_together_and_name_no_number(stage: Stage) -> None:
    await stage.add_platforms(1)
    orders = await orders_of(stage, 3)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
        await called_back(stage, *orders)
        await stage.reaches(lambda: nothing_is_queued(stage))
    cancels = [
        one for one in stage.doors[0].deliveries if one.type == "unbind.cancelled"
    ]
    assert [sorted(one.item_ids) for one in cancels] == [
        sorted(stage.public_id(one) for one in orders)
    ]
    assert {one["reason"] for one in cancels[0].items} == {"by_carrier"}
    assert not any(number.e164.encode() in cancels[0].body for number in NUMBERS)
    assert await stage.all(ITEMS) == [1, 1, 1]


async def test_cancellation_is_repeated_and_counts_no_attempt(stage: Stage) -> None:
    await stage.add_platforms(1)
    (order,) = await orders_of(stage, 1)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
        results = json.dumps({"results": [{"id": stage.public_id(order)}]}).encode()
        stage.doors[0].then(Answer(503), Answer(503), Answer(body=results))
        await called_back(stage, order)
        await eventually(lambda: len(stage.doors[0].deliveries) == 4)
        await stage.reaches(lambda: nothing_is_queued(stage))
    _, *cancels = stage.doors[0].deliveries
    assert {one.type for one in cancels} == {"unbind.cancelled"}
    assert len({one.webhook_id for one in cancels}) == 1
    assert stage.doors[0].rejected == 0
    assert await stage.all(ITEMS) == [1]
    assert (await stage.counts()).keys() == {ItemStatus.CANCELLED}


@pytest.mark.parametrize("status", [200, 500])
async def test_platform_is_told_when_the_answer_comes_after_the_cancellation(
    stage: Stage, status: int
) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    door.then(Answer(hang=True))
    async with stage.working():
        (order,) = await orders_of(stage, 1)
        await eventually(lambda: door.deliveries)
        await called_back(stage, order)
        assert await nothing_is_due(stage)
        door.release(Answer(status))
        await eventually(lambda: len(door.deliveries) == 2)
        await stage.reaches(lambda: nothing_is_queued(stage))
    types = [one.type for one in door.deliveries]
    assert types == ["unbind.requested", "unbind.cancelled"]
    assert await stage.all(ITEMS) == [1]


async def test_cancellation_overtakes_a_request_that_hangs(stage: Stage) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    door.then(Answer(503), Answer(hang=True))
    async with stage.working():
        (order,) = await orders_of(stage, 1)
        await eventually(lambda: len(door.deliveries) == 2)
        await called_back(stage, order)
        await eventually(lambda: len(door.deliveries) == 3)
        await eventually(lambda: door.in_flight == 1)  # it still hangs
        door.release()
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert door.deliveries[2].type == "unbind.cancelled"
    assert await stage.all(ITEMS) == [2]
