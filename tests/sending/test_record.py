"""What came of exchanges is written once, by whoever may."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import ended
from tests.sending.record_desk import ME, PLANS, Desk, set_desk
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import (
    AttemptId,
    PlatformId,
    Prefix,
    format_id,
    new_uuid7,
)
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.record import Written, write


@pytest.fixture
async def desk(db: Db) -> Desk:
    return await set_desk(db)


async def test_accepted_item_is_acknowledged(desk: Desk) -> None:
    written = await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0, 1))
    for place in (0, 1):
        item = await desk.item(place)
        assert item.status is ItemStatus.ACKNOWLEDGED
        assert item.attempts == 1
        assert item.acknowledged_at == NOON
    assert (await desk.item(2)).status is ItemStatus.QUEUED
    assert written == Written()


async def test_acknowledgement_deletes_what_waited_to_be_sent_again(
    desk: Desk,
) -> None:
    await desk.write(await desk.ended(OutcomeKind.FAILED, 0, 1))
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0, attempt=1))
    assert list(await desk.due()) == [desk.orders[1]]
    assert (await desk.item()).attempts == 2


async def test_failure_is_counted_and_due_again(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.FAILED, 0, 1))
    item = await desk.item()
    assert (item.status, item.attempts) == (ItemStatus.QUEUED, 1)
    due = await desk.due()
    assert due == dict.fromkeys(desk.orders[:2], PLANS.orders[0] * 0.75)


async def test_own_fault_is_due_again_and_not_counted(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.OWN_FAULT))
    assert (await desk.item()).attempts == 0
    assert await desk.due() == {desk.orders[0]: timedelta(seconds=2)}


async def test_refused_item_is_undeliverable_and_its_order_is_to_be_settled(
    desk: Desk,
) -> None:
    written = await desk.write(await desk.ended(OutcomeKind.PAYLOAD_REFUSED))
    item = await desk.item()
    assert (item.status, item.attempts) == (ItemStatus.UNDELIVERABLE, 1)
    assert written.touched == {desk.orders[0]}
    assert await desk.due() == {}


async def test_gone_endpoint_is_disabled(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.GONE))
    (row,) = await desk.db.execute(select(endpoints))
    assert row.status is EndpointStatus.DISABLED
    assert row.disabled_reason == "answered 410 Gone"
    (told,) = await trail(desk.db, "endpoint.disabled")
    assert told.actor == f"worker:{ME}"
    assert list(await desk.due()) == [desk.orders[0]]


async def test_results_in_the_answer_are_applied(desk: Desk) -> None:
    lines = [
        {"id": format_id(Prefix.ORDER, desk.orders[0]), "outcome": "not_bound"},
        {"id": format_id(Prefix.ORDER, desk.orders[1]), "outcome": "nonsense"},
        {"id": format_id(Prefix.ORDER, desk.orders[5]), "outcome": "not_bound"},
    ]
    finished = await desk.ended(OutcomeKind.ACCEPTED, 0, 1, answer={"results": lines})
    written = await desk.write(finished)
    assert (await desk.item(0)).status is ItemStatus.NOT_BOUND
    assert (await desk.item(1)).status is ItemStatus.ACKNOWLEDGED
    assert (await desk.item(5)).status is ItemStatus.NOT_BOUND
    assert (await desk.item(0)).attempts == 1
    assert written.touched == {desk.orders[0], desk.orders[5]}
    assert sorted(written.lines) == ["recorded", "recorded", "rejected"]


async def test_results_of_a_rehearsal_are_applied_and_counted_nowhere(
    desk: Desk,
) -> None:
    line = {"id": format_id(Prefix.ORDER, desk.orders[0]), "outcome": "not_bound"}
    finished = await desk.ended(OutcomeKind.ACCEPTED, answer={"results": [line]})
    written = await desk.write(replace(finished, rehearses=True))
    assert (await desk.item()).status is ItemStatus.NOT_BOUND
    assert written.lines == []


async def test_results_in_a_failure_are_ignored(desk: Desk) -> None:
    line = {"id": format_id(Prefix.ORDER, desk.orders[0]), "outcome": "not_bound"}
    finished = await desk.ended(OutcomeKind.FAILED, answer={"results": [line]})
    await desk.write(finished)
    assert (await desk.item()).status is ItemStatus.QUEUED


async def test_results_in_the_answer_do_not_count_where_they_must_be_signed(
    desk: Desk,
) -> None:
    line = {"id": format_id(Prefix.ORDER, desk.orders[0]), "outcome": "not_bound"}
    finished = await desk.ended(OutcomeKind.ACCEPTED, answer={"results": [line]})
    await desk.write(replace(finished, reports_signed=True))
    assert (await desk.item()).status is ItemStatus.ACKNOWLEDGED


async def test_results_that_break_the_database_leave_the_acknowledgement(
    desk: Desk,
) -> None:
    finished = await desk.ended(OutcomeKind.ACCEPTED, answer={"results": [{}]})
    stranger = replace(finished, platform_id=PlatformId(99_999))
    await desk.write(stranger)
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 1))
    assert (await desk.item(1)).status is ItemStatus.ACKNOWLEDGED


async def test_recording_again_changes_nothing(desk: Desk) -> None:
    """A commit may go through although its answer was lost."""
    finished = [
        await desk.ended(OutcomeKind.ACCEPTED, 0),
        await desk.ended(OutcomeKind.FAILED, 1),
        await desk.ended(OutcomeKind.PAYLOAD_REFUSED, 2),
    ]
    await desk.write(*finished)
    before = [await desk.item(place) for place in range(3)]
    assert await desk.write(*finished) == Written()
    assert [await desk.item(place) for place in range(3)] == before
    assert len(await trail(desk.db, "attempt.disclosed")) == 3
    assert len((await desk.db.execute(select(attempts))).all()) == 3


async def test_one_item_twice_in_one_record_is_no_fault(desk: Desk) -> None:
    await desk.write(
        await desk.ended(OutcomeKind.FAILED, 0, 1),
        await desk.ended(OutcomeKind.ACCEPTED, 0),
        await desk.ended(OutcomeKind.FAILED, 0),
    )
    assert (await desk.item()).status is ItemStatus.ACKNOWLEDGED
    assert list(await desk.due()) == [desk.orders[1]]


async def test_zombie_writes_no_failure(desk: Desk) -> None:
    await desk.lose_lease()
    finished = [
        await desk.ended(OutcomeKind.FAILED, 0),
        await desk.ended(OutcomeKind.PAYLOAD_REFUSED, 1),
        await desk.ended(OutcomeKind.GONE, 2),
    ]
    written = await desk.write(*finished)
    assert written == Written(set(), set(finished))
    assert {(await desk.item(place)).attempts for place in range(3)} == {0}
    assert {(await desk.item(place)).status for place in range(3)} == {
        ItemStatus.QUEUED
    }
    assert await desk.due() == {}
    (status,) = (await desk.db.execute(select(endpoints.c.status))).scalars()
    assert status is EndpointStatus.ACTIVE
    assert len((await desk.db.execute(select(attempts))).all()) == 3


@pytest.mark.parametrize(
    ("kind", "told"), [(OutcomeKind.TIMED_OUT, True), (OutcomeKind.UNREACHABLE, False)]
)
async def test_zombie_s_request_that_was_called_back_meanwhile_is_called_back(
    desk: Desk, kind: OutcomeKind, *, told: bool
) -> None:
    await desk.lose_lease()
    cancelled = items.c.order_id == desk.orders[0]
    await desk.db.execute(
        update(items)
        .where(cancelled)
        .values(status=ItemStatus.CANCELLED, finished_at=NOON)
    )
    await desk.write(await desk.ended(kind, 0, 1))
    rows = (await desk.db.execute(select(deliveries))).all()
    assert [(row.event, row.order_id) for row in rows] == [
        (EventType.UNBIND_CANCELLED, desk.orders[0])
    ] * told
    assert (await desk.item()).attempts == 0


async def test_zombie_s_success_counts(desk: Desk) -> None:
    await desk.lose_lease()
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED))
    assert (await desk.item()).status is ItemStatus.ACKNOWLEDGED


async def test_success_does_not_undo_what_was_decided_meanwhile(desk: Desk) -> None:
    await desk.db.execute(
        update(items).values(status=ItemStatus.CANCELLED, finished_at=NOON)
    )
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED))
    item = await desk.item()
    assert (item.status, item.attempts) == (ItemStatus.CANCELLED, 1)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (OutcomeKind.ACCEPTED, 1),
        (OutcomeKind.TIMED_OUT, 1),
        (OutcomeKind.BLOCKED, 0),
        (OutcomeKind.UNREACHABLE, 0),
        (OutcomeKind.OWN_FAULT, 0),
    ],
)
async def test_only_what_may_have_left_is_a_disclosure(
    desk: Desk, kind: OutcomeKind, told: int
) -> None:
    finished = await desk.ended(kind, 0, 1)
    await desk.write(finished)
    events = await trail(desk.db, "attempt.disclosed")
    assert len(events) == told
    for event in events:
        assert event.facts["count"] == 2
        assert event.facts["attempt"] == str(finished.attempt_id)


async def test_head_of_the_answer_is_cleaned(desk: Desk) -> None:
    body = "no\x00pe\n" + "电话13800001234 " + "x" * 2000
    batch = await desk.batch(0)
    finished = ended(batch, OutcomeKind.FAILED, lane=desk.lane, answer=body.encode())
    await desk.write(finished)
    (head,) = (await desk.db.execute(select(attempts.c.answer_head))).scalars()
    assert head.startswith("nope 电话**** xxx")
    assert len(head) == 200


async def test_records_that_race_over_the_same_items_never_lock_each_other(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        desk = await set_desk(db)
        forward, backward = [
            [
                ended(await desk.batch(*places), kind, lane=desk.lane)
                for kind, places in zip(kinds, halves, strict=True)
            ]
            for kinds, halves in (
                (
                    (OutcomeKind.ACCEPTED, OutcomeKind.FAILED),
                    (range(5), range(5, 10)),
                ),
                (
                    (OutcomeKind.FAILED, OutcomeKind.ACCEPTED),
                    (range(5), range(5, 10)),
                ),
            )
        ]

    async def record(finished: list[Finished]) -> None:
        for _ in range(20):
            fresh = [
                replace(one, attempt_id=AttemptId(new_uuid7(NOON))) for one in finished
            ]
            async with engine.begin() as db:
                await write(db, NOON, ME, fresh, PLANS, APPLYING)

    await asyncio.gather(record(forward), record(backward))
    async with engine.connect() as db:
        found = await db.execute(select(items.c.status, items.c.attempts))
        assert set(found.all()) == {(ItemStatus.ACKNOWLEDGED, 40)}
