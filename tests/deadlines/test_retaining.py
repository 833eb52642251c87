"""What is too old goes; what proves that it was there stays."""

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
)
from tests.support.sealing import SEALER
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.callbacks.tables import evidence
from unbind_broker.deadlines.retaining import destroy_old, drop_old_months
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.undelivered import note
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.views import read_order
from unbind_broker.notices.ending import settle
from unbind_broker.orders.tables import orders

RETENTION = timedelta(days=180)
LONG_AGO = NOON - timedelta(days=200)
BEFORE = NOON - RETENTION
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NUMBER = re.compile(r"1380000\d{4}")


async def months_around(db: Db, at: datetime) -> None:
    await db.execute(text("SELECT ensure_months(:at, 1)"), {"at": at})


async def a_finished_order(db: Db, *, at: datetime, finished: bool = True) -> OrderId:
    await months_around(db, at)
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier, asked(reference="R-1", now=at), now=at)
    await db.execute(update(orders).values(traceparent=TRACEPARENT))
    if finished:
        await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.UNBOUND, now=at)
        await settle(db, at, [order_id])
    return order_id


async def what_is_kept(db: Db, order_id: OrderId) -> list[object]:
    columns = (
        orders.c.number_sealed,
        orders.c.number_index,
        orders.c.consent_method,
        orders.c.consent_at,
        orders.c.reference,
        orders.c.traceparent,
    )
    row = await db.execute(select(*columns).where(orders.c.id == order_id))
    return list(row.one())


async def test_numbers_and_consents_of_finished_orders_are_destroyed(db: Db) -> None:
    order_id = await a_finished_order(db, at=LONG_AGO)
    step = await destroy_old(db, NOON, BEFORE, None, 10)
    assert (step.orders, step.position) == (1, None)
    assert await what_is_kept(db, order_id) == [None] * 6
    assert [one.facts["orders"] for one in await trail(db, "retention")] == [1]


async def test_what_was_destroyed_is_still_read_as_an_outcome(db: Db) -> None:
    order_id = await a_finished_order(db, at=LONG_AGO)
    await destroy_old(db, NOON, BEFORE, None, 10)
    carrier = (await db.execute(select(orders.c.carrier_id))).scalar_one()
    view = await read_order(db, carrier, order_id, SEALER)
    assert view is not None
    assert (view["number"], view["status"]) == ("****", "completed")
    assert view["summary"] == {"total": 1, "unbound": 1}


async def test_younger_orders_and_open_ones_are_left_alone(db: Db) -> None:
    young = await a_finished_order(db, at=BEFORE + timedelta(seconds=1))
    assert (await destroy_old(db, NOON, BEFORE, None, 10)).orders == 0
    assert None not in await what_is_kept(db, young)


async def test_an_open_order_keeps_its_number_however_old(db: Db) -> None:
    order_id = await a_finished_order(db, at=LONG_AGO, finished=False)
    assert (await destroy_old(db, NOON, BEFORE, None, 10)).orders == 0
    assert None not in await what_is_kept(db, order_id)


async def test_a_walk_goes_on_where_it_was(db: Db) -> None:
    await months_around(db, LONG_AGO)
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    for place in range(5):
        at = LONG_AGO + timedelta(minutes=place)
        order_id = await an_order(
            db, carrier, asked(reference=str(place), now=at), now=at
        )
        await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.REFUSED, now=at)
        await settle(db, at, [order_id])
    done, position = 0, None
    for _ in range(4):
        step = await destroy_old(db, NOON, BEFORE, position, 2)
        done, position = done + step.orders, step.position
        if position is None:
            break
    assert (done, position) == (5, None)


async def test_words_of_platforms_go_with_the_number(db: Db) -> None:
    order_id = await a_finished_order(db, at=LONG_AGO)
    await db.execute(text("UPDATE items SET detail = 'asked Mr Li by mail'"))
    await destroy_old(db, NOON, BEFORE, None, 10)
    platform = await db.scalar(text("SELECT platform_id FROM items"))
    row = await item_row(db, ItemKey(order_id, platform))
    assert row.detail is None
    assert row.status is ItemStatus.UNBOUND


async def test_bodies_of_old_reports_go_and_their_digests_stay(db: Db) -> None:
    names = (("1763712000-1", LONG_AGO), ("of-138-0000-1234", LONG_AGO), ("new", NOON))
    for name, at in names:
        await db.execute(
            insert(evidence).values(
                platform_id=1,
                webhook_id=name,
                received_at=at,
                webhook_timestamp="1",
                webhook_signature="v1a,x",
                public_key="whpk_x",
                body=b"{}",
                body_sha256=b"digest",
                answer=b"{}",
            )
        )
    assert (await destroy_old(db, NOON, BEFORE, None, 10)).reports == 2
    columns = (evidence.c.webhook_id, evidence.c.body, evidence.c.body_sha256)
    kept = (await db.execute(select(*columns).order_by(evidence.c.webhook_id))).all()
    assert [tuple(row[1:]) for row in kept] == [
        (None, b"digest"),
        (None, b"digest"),
        (b"{}", b"digest"),
    ]
    old, with_number, new = (row.webhook_id for row in kept)
    assert (old, new) == ("1763712000-1", "new")
    assert with_number.startswith("destroyed-")
    assert not NUMBER.search(with_number)


async def test_months_in_which_nothing_is_open_are_dropped(
    engine: AsyncEngine,
) -> None:
    at = datetime(2026, 3, 10, 4, tzinfo=UTC)
    async with engine.begin() as db:
        order_id = await a_finished_order(db, at=at)
        await note(db, at, [ItemKey(order_id, 1)], Cause.REFUSED)
        before = datetime(2026, 4, 1, tzinfo=UTC)
        await destroy_old(db, NOON, before, None, 10)
    async with engine.begin() as db:
        dropped = await drop_old_months(db, NOON, before)
    expected = {"attempts_2026_03", "items_2026_03", "notices_2026_03"}
    assert set(dropped) == expected | {"orders_2026_03"}
    async with engine.begin() as db:
        assert await db.scalar(select(func.count()).select_from(orders)) == 0
        for table in ("items", "undelivered"):
            assert await db.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608 - names of tables
        facts = (await trail(db, "retention.dropped"))[-1].facts
        assert set(facts["partitions"]) == set(dropped)
        assert await drop_old_months(db, NOON, before) == []


async def test_a_month_with_an_open_order_stays(engine: AsyncEngine) -> None:
    at = datetime(2026, 3, 10, 4, tzinfo=UTC)
    before = datetime(2026, 4, 1, tzinfo=UTC)
    async with engine.begin() as db:
        await a_finished_order(db, at=at, finished=False)
        await destroy_old(db, NOON, before, None, 10)
        dropped = await drop_old_months(db, NOON, before)
    assert not {"orders_2026_03", "items_2026_03"} & set(dropped)


async def test_after_retention_no_table_holds_a_number(db: Db) -> None:
    await a_finished_order(db, at=LONG_AGO)
    await destroy_old(db, NOON, BEFORE, None, 10)
    tables = await db.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    )
    for table in list(tables.scalars()):
        rows = await db.execute(text(f'SELECT t::text FROM "{table}" t'))  # noqa: S608 - names of tables
        assert not [row for row in rows.scalars() if NUMBER.search(row)]
