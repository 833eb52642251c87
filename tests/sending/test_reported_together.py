"""Results in the answers of many platforms are recorded by a few statements for all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import START, a_target, put_to_use
from tests.sending.record_desk import LEASE, ME, Desk, set_desk
from tests.support.builders import a_platform, an_endpoint
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId, Prefix, format_id
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.sending import leases
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers


@pytest.fixture
async def desk(db: Db) -> Desk:
    return await set_desk(db)


async def another_desk(desk: Desk, slug: str) -> Desk:
    """The same orders, as another platform has them."""
    platform = await a_platform(desk.db, slug)
    made = await an_endpoint(desk.db, platform)
    first = select(items).where(items.c.platform_id == desk.platform_id)
    for row in (await desk.db.execute(first)).mappings().all():
        await desk.db.execute(
            items.insert().values({**row, "platform_id": platform.id})
        )
    (holding,) = await leases.claim(desk.db, ME, LEASE, 1)
    lane = Lane(made.endpoint.id, holding.tenancy.epoch, START, 1000.0, ReadNumbers())
    target = a_target(endpoint_id=made.endpoint.id, platform_id=platform.id)
    put_to_use(lane, target)
    return replace(desk, lane=lane, platform_id=platform.id)


async def answered(desk: Desk, place: int) -> Finished:
    line = {"id": format_id(Prefix.ORDER, desk.orders[place]), "outcome": "not_bound"}
    finished = await desk.ended(OutcomeKind.ACCEPTED, place, answer={"results": [line]})
    return replace(finished, platform_id=desk.platform_id)


@contextmanager
def counted(db: Db) -> Iterator[list[str]]:
    said: list[str] = []

    def note(*told: object) -> None:
        said.append(str(told[2]))

    event.listen(db.sync_connection, "before_cursor_execute", note)
    yield said
    event.remove(db.sync_connection, "before_cursor_execute", note)


async def test_many_platforms_results_cost_no_more_statements_than_one_platforms(
    desk: Desk,
) -> None:
    others = [await another_desk(desk, f"platform-{place}") for place in range(6)]
    alone = [await answered(desk, 0)]
    together = [await answered(one, 1) for one in (desk, *others)]
    with counted(desk.db) as for_one:
        await desk.write(*alone)
    with counted(desk.db) as for_all:
        written = await desk.write(*together)
    assert len(for_all) == len(for_one)
    assert written.touched == {desk.orders[1]}
    for one in (desk, *others):
        assert (await one.item(1)).status is ItemStatus.NOT_BOUND


async def test_two_answers_of_one_platform_are_read_one_after_the_other(
    desk: Desk,
) -> None:
    await desk.write(await answered(desk, 0), await answered(desk, 1))
    assert (await desk.item(0)).status is ItemStatus.NOT_BOUND
    assert (await desk.item(1)).status is ItemStatus.NOT_BOUND


async def test_results_that_break_the_database_spoil_no_others(desk: Desk) -> None:
    other = await another_desk(desk, "qq")
    strange = replace(await answered(desk, 2), platform_id=PlatformId(99_999))
    written = await desk.write(strange, await answered(other, 0))
    assert (await other.item(0)).status is ItemStatus.NOT_BOUND
    assert written.touched == {desk.orders[0]}


async def test_a_passing_fault_of_the_database_loses_no_result(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        desk = await set_desk(db)
        finished = await answered(desk, 0)
    async with engine.begin() as blocking:
        await blocking.execute(text("LOCK TABLE result_marks"))
        async with engine.connect() as db:
            await db.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await replace(desk, db=db).write(finished)
    async with engine.begin() as db:
        desk = replace(desk, db=db)
        await desk.write(finished)
        assert (await desk.item(0)).status is ItemStatus.NOT_BOUND
