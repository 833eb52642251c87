"""Rows that settled long ago, in bulk: what tables hold after months of work.

They are written as they end up, not as they came about: no row has been updated, so
that tables are packed as autovacuum and retention keep them at the best.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.sealing import MOST_EVENTS, seal
from unbind_broker.audit.seals import START
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import INSTANT, INSTANTS, UUIDS, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import new_uuid7
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus

SPAN = timedelta(days=30)
ROWS_AT_ONCE = 1_000_000
PER_REQUEST = 50


async def fill(engine: AsyncEngine, model: UUID, orders: int, platforms: int) -> None:
    """Let so many orders have come and ended, evenly over a month before now.

    They are like ``model``, each about a number of its own, with an item at every
    platform of it.
    """
    now = SystemClock().now()
    times = [now - SPAN + SPAN * 0.99 * place / orders for place in range(orders)]
    async with engine.begin() as db:
        await db.execute(_MONTHS, {"first": now - SPAN})
    at_once = max(PER_REQUEST, ROWS_AT_ONCE // platforms)
    for first in range(0, orders, at_once):
        await _write(engine, model, times[first : first + at_once])
    await _seal(engine, now)
    await _pack(engine)


async def take_back(engine: AsyncEngine, model: UUID) -> None:
    """Delete all orders after ``model``, as if they had never come.

    Their exchanges, their audit trail and their idempotency keys stay.
    """
    async with engine.begin() as db:
        for statement in _LATER:
            await db.execute(statement, {"model": model})
    await _pack(engine)


async def _pack(engine: AsyncEngine) -> None:
    plain = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with plain.connect() as db:
        await db.execute(text("VACUUM (ANALYZE, FREEZE)"))
        await db.execute(text("CHECKPOINT"))


async def _write(engine: AsyncEngine, model: UUID, times: Sequence[datetime]) -> None:
    ids = [new_uuid7(time) for time in times]
    async with engine.begin() as db:
        for statement in _ROWS:
            await db.execute(statement, {"model": model, "ids": ids, "times": times})


async def _seal(engine: AsyncEngine, now: datetime) -> None:
    """Seal the trail, as it would have been long ago."""
    while True:
        async with engine.begin() as db:
            await seal(db, now, BROKER_KEY, MOST_EVENTS)
            last = await store.load_last_seal(db)
            if not await store.count_behind(db, last.last if last else START):
                return


_LATER = tuple(
    sql(f"DELETE FROM {table} WHERE {name} > :model", model=UUID_TYPE)  # noqa: S608 - names
    for table, name in (
        ("orders", "id"),
        ("items", "order_id"),
        ("order_log", "order_id"),
        ("order_updates", "order_id"),
        ("deliveries", "order_id"),
        ("holdings", "order_id"),
    )
)
_NEW = "unnest(:ids, :times) AS n (id, at)"
_INDEX = "sha256(uuid_send(n.id))"
_MONTHS = sql("SELECT ensure_months(:first, 2)", first=INSTANT)
_ROWS = tuple(
    sql(statement, model=UUID_TYPE, ids=UUIDS, times=INSTANTS)
    for statement in (
        f"""
        INSERT INTO orders
        SELECT (jsonb_populate_record(o, jsonb_build_object(
            'id', n.id,
            'number_index', '\\x' || encode({_INDEX}, 'hex'),
            'status', {OrderStatus.COMPLETED.code},
            'created_at', n.at,
            'deadline', n.at + interval '7 days',
            'completed_at', n.at + interval '2 seconds',
            'told_at', n.at + interval '2 seconds'))).*
        FROM orders o, {_NEW} WHERE o.id = :model""",  # noqa: S608 - codes and names
        f"""
        INSERT INTO items (order_id, platform_id, status, attempts, late, bindings,
            acknowledged_at, finished_at)
        SELECT n.id, i.platform_id, {ItemStatus.NOT_BOUND.code}, 1, false, 0,
            n.at + interval '1 second', n.at + interval '2 seconds'
        FROM {_NEW}, items i WHERE i.order_id = :model""",  # noqa: S608 - codes and names
        f"""
        INSERT INTO holdings (number_index, carrier_id, since, from_on, until, began,
            ended, order_id, confirmed_at, recorded_at)
        SELECT {_INDEX}, h.carrier_id, h.since, h.from_on, h.until, h.began,
            h.ended, n.id, n.at, n.at
        FROM {_NEW}, holdings h WHERE h.order_id = :model""",  # noqa: S608 - codes and names
        f"""
        INSERT INTO audit_events (id, at, actor, action, order_id, number_index, facts)
        SELECT overlay(n.id::text
                PLACING left(md5(n.id::text || e.id), 12) FROM 25)::uuid,
            n.at, e.actor, e.action, n.id, {_INDEX}, e.facts
        FROM {_NEW}, audit_events e WHERE e.order_id = :model""",  # noqa: S608 - codes and names
        f"""
        INSERT INTO attempts (id, endpoint_id, event, order_ids, webhook_id,
            body_sha256, started_at, outcome, status_code, total_ms)
        SELECT overlay(r.ids[1]::text
                PLACING left(md5(r.ids[1]::text || e.id), 12) FROM 25)::uuid,
            e.id, {EventType.UNBIND_REQUESTED.code}, r.ids,
            'msg_' || md5(r.ids[1]::text || e.id), sha256(r.ids[1]::text::bytea),
            r.at, {OutcomeKind.ACCEPTED.code}, 200, 5
        FROM (SELECT array_agg(p.id ORDER BY p.id) AS ids, min(p.at) AS at
            FROM (SELECT n.id, n.at, row_number() OVER (ORDER BY n.id) AS place
                FROM {_NEW}) p
            GROUP BY p.place / {PER_REQUEST}) r, items i, endpoints e
        WHERE i.order_id = :model AND e.platform_id = i.platform_id""",  # noqa: S608 - codes and names
        f"""
        INSERT INTO idempotency
        SELECT o.carrier_id, n.id::text, {_INDEX}, 202, '/v1/orders/' || n.id,
            convert_to(repeat('x', 500), 'UTF8'), now()
        FROM {_NEW}, orders o WHERE o.id = :model""",  # noqa: S608 - codes and names
    )
)
