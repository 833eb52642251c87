"""What goes out once more because its receiver asked for it: sent, and judged as ever.

A replay is due while its item is open, and can end nothing.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.sending.parts import a_batch, a_work, ended
from tests.sending.record_desk import ME, PLANS, Desk, set_desk
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.order_builders import bring_to
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.notices.telling import tell
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.sending.again import AgainReader
from unbind_broker.sending.batches import Batch, webhook_id
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.contents import KEPT_TRYING, REPLAYS, load
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.recheck import still_waiting
from unbind_broker.sending.record import write

OCCASION = UUID(int=99)
TAKEN = sorted(OPEN - {ItemStatus.QUEUED})


@pytest.fixture
async def desk(db: Db) -> Desk:
    return await set_desk(db)


def a_row(
    desk: Desk, place: int = 0, occasion: UUID | None = None, *, replay: bool = True
) -> Due:
    order = desk.orders[place]
    subject = Subject(desk.lane.endpoint_id, EventType.UNBIND_REQUESTED, order)
    return Due(subject, NOON, 1, occasion, replay)


async def rows(desk: Desk) -> list[Any]:
    return list((await desk.db.execute(select(deliveries))).all())


async def bring(desk: Desk, status: ItemStatus) -> None:
    await bring_to(desk.db, ItemKey(desk.orders[0], desk.platform_id), status)


@pytest.mark.parametrize("replay", [False, True])
@pytest.mark.parametrize("status", ItemStatus)
async def test_replay_is_due_while_its_item_is_open(
    desk: Desk, status: ItemStatus, *, replay: bool
) -> None:
    row = a_row(desk, occasion=OCCASION, replay=replay)
    await queue.schedule(desk.db, [row])
    await bring(desk, status)
    is_due = status is ItemStatus.QUEUED or (replay and not status.is_final)
    due = await queue.due(desk.db, NOON, {desk.lane.endpoint_id: 9})
    assert due == ([row] if is_due else [])
    assert len(await rows(desk)) == is_due
    order = desk.orders[0]
    waiting = await still_waiting(desk.db, desk.platform_id, [order], replay=replay)
    assert waiting == ({order} if is_due else set())


@pytest.mark.parametrize(
    "changes",
    [{"status": OrderStatus.HELD, "held_until": NOON}, {"deadline": NOON}],
    ids=["held", "overdue"],
)
@pytest.mark.parametrize("status", TAKEN)
async def test_replay_waits_where_its_order_is_held_or_overdue(
    desk: Desk, status: ItemStatus, changes: dict[str, object]
) -> None:
    await queue.schedule(desk.db, [a_row(desk)])
    await bring(desk, status)
    await desk.db.execute(update(orders).values(**changes))
    assert await queue.due(desk.db, NOON, {desk.lane.endpoint_id: 9}) == []
    assert len(await rows(desk)) == 1


async def replayed(desk: Desk, kind: OutcomeKind, *places: int) -> Batch:
    """Send items once more, and record what came of it."""
    await queue.schedule(desk.db, [a_row(desk, place, OCCASION) for place in places])
    batch = await desk.batch(*places)
    works = [replace(one, occasion=OCCASION, replay=True) for one in batch.works]
    finished = ended(a_batch(works=works), kind, lane=desk.lane)
    await write(desk.db, NOON, ME, [finished], PLANS, APPLYING)
    return batch


ENDING = {OutcomeKind.ACCEPTED, OutcomeKind.PAYLOAD_REFUSED}


@pytest.mark.parametrize("kind", OutcomeKind)
@pytest.mark.parametrize("status", [one for one in ItemStatus if one in TAKEN])
async def test_whatever_a_replay_brings_back_changes_nothing_but_attempts(
    desk: Desk, status: ItemStatus, kind: OutcomeKind
) -> None:
    await bring(desk, status)
    before = (await desk.item())._asdict()
    await replayed(desk, kind, 0)
    counted = kind not in {OutcomeKind.OWN_FAULT, OutcomeKind.BLOCKED}
    after = (await desk.item())._asdict()
    assert after == {**before, "attempts": before["attempts"] + counted}
    left = [(row.occasion, row.replay) for row in await rows(desk)]
    assert left == ([] if kind in ENDING else [(OCCASION, True)])
    (attempt,) = (await desk.db.execute(select(attempts))).all()
    assert (attempt.occasion, attempt.replay) == (OCCASION, True)


@pytest.mark.parametrize("kind", OutcomeKind)
@pytest.mark.parametrize("status", [one for one in ItemStatus if one.is_final])
async def test_replay_that_was_under_way_when_its_item_ended_changes_no_end(
    desk: Desk, status: ItemStatus, kind: OutcomeKind
) -> None:
    await bring(desk, status)
    before = (await desk.item())._asdict()
    await replayed(desk, kind, 0)
    after = (await desk.item())._asdict()
    assert {**after, "attempts": before["attempts"]} == before


async def test_refused_replay_of_many_is_halved_within_its_occasion(desk: Desk) -> None:
    for place in range(4):
        key = ItemKey(desk.orders[place], desk.platform_id)
        await bring_to(desk.db, key, ItemStatus.ACKNOWLEDGED)
    await replayed(desk, OutcomeKind.PAYLOAD_REFUSED, 0, 1, 2, 3)
    found = await rows(desk)
    assert {(row.occasion, row.replay) for row in found} == {(OCCASION, True)}
    assert len({row.due_at for row in found}) == 2


async def test_only_what_is_of_one_occasion_goes_together(desk: Desk) -> None:
    fleet, numbers = Fleet(), ReadNumbers()
    fleet.add(desk.lane)
    reader = AgainReader(fleet, Briefs(SEALER), numbers, lambda: 0.0)
    made = [
        a_row(desk, 0, replay=False),
        a_row(desk, 1),
        a_row(desk, 2, OCCASION),
        a_row(desk, 3, OCCASION, replay=False),
        a_row(desk, 4),
    ]
    await queue.schedule(desk.db, made)
    await reader.step(desk.db, NOON)
    sent = []
    while (batch := desk.lane.take(0.0)) is not None:
        desk.lane.finish()
        sent.append((batch.occasion, batch.is_replay, set(batch.subject_ids)))
    first, second, third, fourth, fifth = desk.orders[:5]
    assert sorted(sent, key=str) == sorted(
        [
            (None, False, {first}),
            (None, True, {second, fifth}),
            (OCCASION, True, {third}),
            (OCCASION, False, {fourth}),
        ],
        key=str,
    )


def test_replay_has_the_webhook_id_of_what_it_repeats() -> None:
    first = a_batch(works=[a_work()])
    again = a_batch(works=[replace(one, replay=True) for one in first.works])
    names = [
        webhook_id(one.event, one.subject_ids, one.occasion) for one in (first, again)
    ]
    assert names[0] == names[1]


async def test_old_notice_goes_out_again_when_it_is_asked_for(
    desk: Desk, db: Db
) -> None:
    briefs, event = Briefs(SEALER), EventType.ORDER_HELD
    carrier = (await db.execute(select(orders.c.carrier_id))).scalars().first()
    assert carrier is not None
    notice = await tell(db, NOON, carrier, event, None, {})
    now = NOON + timedelta(days=30)
    row = Due(Subject(desk.lane.endpoint_id, event, notice), now, 0)
    assert (await load(db, now, briefs, [row])).outdated == [row.subject]
    again = row._replace(replay=True)
    found = (await load(db, now, briefs, [again])).contents[row.subject]
    assert found.deadline == now + KEPT_TRYING
    tired = again._replace(attempt=REPLAYS)
    assert (await load(db, now, briefs, [tired])).outdated == [row.subject]
