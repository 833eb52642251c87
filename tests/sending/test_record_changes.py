"""What carriers see of an exchange is noted for their news, and nothing else is."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.sending.parts import ended
from tests.sending.record_desk import Desk, set_desk
from tests.support.builders import an_endpoint
from tests.support.clock import NOON
from unbind_broker.base.database import Db
from unbind_broker.carriers.service import find
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.notices.tables import order_changes
from unbind_broker.sending.batches import Batch
from unbind_broker.sending.finished import Finished

REQUEUED = UUID(int=9)


@pytest.fixture
async def desk(db: Db) -> Desk:
    """Its carrier wants to hear of everything."""
    made = await set_desk(db)
    carrier = await find(db, "china-mobile")
    assert carrier is not None
    await an_endpoint(db, carrier, now=NOON)
    return made


async def noted(desk: Desk) -> list[list[UUID]]:
    """The orders that each transaction noted."""
    found = await desk.db.execute(select(order_changes.c.order_ids))
    return [list(row) for row in found.scalars()]


async def again(
    desk: Desk, kind: OutcomeKind, *, sensitive: bool, replay: bool = False
) -> Finished:
    """What came of a request that was made once more."""
    batch = await desk.batch(0)
    occasion = None if replay else REQUEUED
    works = [replace(one, occasion=occasion, replay=replay) for one in batch.works]
    once_more = Batch(batch.event, works)
    return replace(ended(once_more, kind, lane=desk.lane), sensitive=sensitive)


async def test_items_that_are_taken_together_are_noted_in_one_row(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0, 1, 2))
    assert await noted(desk) == [sorted(desk.orders[:3])]


async def test_an_item_that_was_taken_before_is_noted_no_more(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    assert await noted(desk) == [[desk.orders[0]]]


async def test_an_attempt_that_failed_is_not_noted(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.FAILED, 0))
    assert await noted(desk) == []


async def test_an_item_whose_payload_is_refused_is_noted(desk: Desk) -> None:
    await desk.write(await desk.ended(OutcomeKind.PAYLOAD_REFUSED, 0))
    assert await noted(desk) == [[desk.orders[0]]]


@pytest.mark.parametrize(
    "kind", [OutcomeKind.ACCEPTED, OutcomeKind.PAYLOAD_REFUSED], ids=str
)
@pytest.mark.parametrize("sensitive", [True, False])
async def test_a_folded_item_that_goes_out_again_is_not_noted(
    desk: Desk, kind: OutcomeKind, *, sensitive: bool
) -> None:
    await desk.write(await again(desk, kind, sensitive=sensitive))
    assert await noted(desk) == ([] if sensitive else [[desk.orders[0]]])


async def test_a_sensitive_platforms_replay_is_not_noted(desk: Desk) -> None:
    finished = await again(desk, OutcomeKind.ACCEPTED, sensitive=True, replay=True)
    await desk.write(finished)
    assert await noted(desk) == []
