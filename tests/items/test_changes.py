"""Courses are read whole, then kept up to date by what changed alone."""

from collections.abc import Collection
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.order_builders import a_reachable_platform, an_order, bring_to
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.carriers.service import Carrier
from unbind_broker.items.changes import Look, look, read_courses
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.views import read_order


@pytest.fixture
async def carrier(engine: AsyncEngine) -> Carrier:
    async with engine.begin() as db:
        await a_reachable_platform(db, "weibo")
        await a_reachable_platform(db, "zhihu")
        await a_reachable_platform(db, "dating", sensitive=True)
        return await a_carrier(db)


async def seen(engine: AsyncEngine, before: Look) -> Look:
    async with engine.connect() as db:
        return await look(db, before.courses, [], before.next)


async def first_look(engine: AsyncEngine, order_ids: Collection[UUID]) -> Look:
    async with engine.connect() as db:
        return await look(db, {}, order_ids, None)


async def test_a_course_shows_what_the_order_shows(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
        await bring_to(db, ItemKey(order_id, 1), ItemStatus.NOT_BOUND)
        course = (await read_courses(db, [order_id]))[order_id]
        order = await read_order(db, carrier.id, order_id, SEALER)
    assert order is not None
    assert [course.item(slug) for slug in course.marks] == order["items"]
    assert course.sensitive == order["sensitive"]
    assert course.now._asdict().items() <= order.items()


async def test_a_look_finds_only_what_changed(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        orders = [await an_order(db, carrier) for _ in range(3)]
    first = await first_look(engine, orders)
    assert first.rows == 9
    nothing = await seen(engine, first)
    assert (nothing.courses, nothing.rows) == ({}, 1)
    async with engine.begin() as db:
        await bring_to(db, ItemKey(orders[1], 2), ItemStatus.ACKNOWLEDGED)
    found = await seen(engine, first)
    assert (list(found.courses), found.rows) == ([orders[1]], 1)
    assert found.courses[orders[1]].item("zhihu")["status"] == "acknowledged"


async def test_a_transaction_that_commits_late_is_not_skipped(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
    first = await first_look(engine, [order_id])
    async with engine.connect() as slow, slow.begin() as late:
        await bring_to(slow, ItemKey(order_id, 1), ItemStatus.ACKNOWLEDGED)
        async with engine.begin() as db:
            await bring_to(db, ItemKey(order_id, 2), ItemStatus.ACKNOWLEDGED)
        meanwhile = await seen(engine, first)
        assert meanwhile.courses[order_id].item("weibo")["status"] == "queued"
        assert meanwhile.courses[order_id].item("zhihu")["status"] == "acknowledged"
        await late.commit()
    after = await seen(engine, meanwhile)
    assert after.courses[order_id].item("weibo")["status"] == "acknowledged"


async def test_what_was_written_under_a_savepoint_is_not_skipped(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
    first = await first_look(engine, [order_id])
    async with engine.begin() as slow:
        async with slow.begin_nested():
            await bring_to(slow, ItemKey(order_id, 1), ItemStatus.ACKNOWLEDGED)
        meanwhile = await seen(engine, first)
        assert meanwhile.courses == {}
    after = await seen(engine, meanwhile._replace(courses=first.courses))
    assert after.courses[order_id].item("weibo")["status"] == "acknowledged"


async def test_a_sensitive_platform_is_counted_once_it_has_taken_the_request(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
    first = await first_look(engine, [order_id])
    assert first.courses[order_id].sensitive == {"total": 1, "finished": 0}
    async with engine.begin() as db:
        await bring_to(db, ItemKey(order_id, 3), ItemStatus.ACKNOWLEDGED)
    after = await seen(engine, first)
    assert after.courses[order_id].sensitive == {"total": 1, "finished": 1}
    assert list(after.courses[order_id].marks) == ["weibo", "zhihu"]


async def test_a_look_before_that_this_database_never_saw_is_told(
    engine: AsyncEngine, carrier: Carrier
) -> None:
    async with engine.begin() as db:
        order_id = await an_order(db, carrier)
    first = await first_look(engine, [order_id])
    xid, _, server = first.next.partition("@")
    ahead = first._replace(next=f"{int(xid) + 1_000_000}@{server}")
    elsewhere = first._replace(next=f"{xid}@2026-11-21 08:00:00+00")
    for before in (ahead, elsewhere):
        found = await seen(engine, before)
        assert (found.broken, found.courses) == (True, {})
    assert not (await seen(engine, first)).broken


async def test_age_is_right_where_the_ids_of_transactions_begin_anew(db: Db) -> None:
    ages = "SELECT age('4294967290'::xid), age('5'::xid)"
    before, behind = (await db.execute(text(ages))).one()
    assert before - behind == 11
