# ruff: noqa: S608 - the tests' own numbers are put into statements
"""A database with a past: thousands of orders, most of them finished."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order
from unbind_broker.base.database import INSTANT, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, EndpointId, OrderId, PlatformId

PLATFORMS = 20
ORDERS = 4_000

# Of 4,000 orders one in four is in progress, one in twenty held.
_ID = """(substr(uuid7_floor(:now)::text, 1, 13) || '-7000-8000-'
    || lpad(to_hex(g), 12, '0'))::uuid"""
_DONE = "g % 4 <> 0 AND g % 20 <> 1"
_FILLING = (
    f"""
    INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', {_ID},
        'number_index', '\\x' || md5(g::text),
        'status', CASE WHEN g % 4 = 0 THEN 2 WHEN g % 20 = 1 THEN 1 ELSE 3 END,
        'held_until', CASE WHEN g % 20 = 1 THEN :now + g * interval '1 s' END,
        'held_for', CASE WHEN g % 20 = 1 THEN 1 END,
        'completed_at', CASE WHEN {_DONE} THEN :now END,
        'told_at', CASE WHEN {_DONE} THEN :now END,
        'deadline', :now + g * interval '1 min'))).*
    FROM orders o, generate_series(1, {ORDERS}) g WHERE o.id = :model
    """,
    f"""
    INSERT INTO items (order_id, platform_id, status, attempts, late, acknowledged_at,
        finished_at)
    SELECT {_ID}, p, CASE WHEN NOT ({_DONE}) THEN 1 WHEN p = 1 THEN 15 ELSE 10 END,
        CASE WHEN {_DONE} THEN 1 ELSE 0 END, false,
        CASE WHEN {_DONE} THEN :now END, CASE WHEN {_DONE} THEN :now END
    FROM generate_series(1, {ORDERS}) g, generate_series(1, 10) p
    WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO order_log SELECT g, {_ID} FROM generate_series(1, {ORDERS}) g
    WHERE g % 20 <> 1 AND CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT g % {PLATFORMS} + 1, :now + g * interval '1 s', 2, {_ID}, 1
    FROM generate_series(1, 5 * {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO attempts (id, endpoint_id, event, order_ids, webhook_id, body_sha256,
        started_at, outcome, total_ms)
    SELECT {_ID}, g % {PLATFORMS} + 1, 2, ARRAY[{_ID}], 'msg_' || g, '', :now, 1, 5
    FROM generate_series(1, 2 * {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO notices (id, xid, carrier_id, event, order_id, at, data)
    SELECT {_ID}, g, g % 5 + 1, 20, {_ID}, :now, ''
    FROM generate_series(1, {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO undelivered (order_id, platform_id, at, cause)
    SELECT {_ID}, 1, :now, 1
    FROM generate_series(1, {ORDERS}) g
    WHERE {_DONE} AND CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO order_changes (at, order_ids)
    SELECT :now, ARRAY[{_ID}] FROM generate_series(1, {ORDERS}) g
    WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO order_updates SELECT {_ID}, :now + g * interval '1 s', :now
    FROM generate_series(1, {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO order_reminders SELECT {_ID}, :now + g * interval '1 s', 1
    FROM generate_series(1, {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO endpoint_events (id, endpoint_id, kind, at)
    SELECT {_ID}, g % {PLATFORMS} + 1, 1, :now
    FROM generate_series(1, {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO audit_events (id, xid, at, actor, action, order_id, facts)
    SELECT gen_random_uuid(), g, :now, 'platform:platform-' || g % {PLATFORMS},
        (ARRAY['order.accepted', 'attempt.disclosed', 'order.completed'])[1 + g % 3],
        {_ID}, '{{"recheck": false}}'
    FROM generate_series(1, 3 * {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
    f"""
    INSERT INTO platform_days (platform_id, day, kind, measure, n)
    SELECT p, date '2026-11-01' - d, 2, m, 5
    FROM generate_series(1, {PLATFORMS}) p, generate_series(1, 100) d,
        generate_series(1, 12) m
    WHERE CAST(:model AS uuid) IS NOT NULL AND :now IS NOT NULL
    """,
    f"""
    INSERT INTO violations (id, order_id, platform_id, carrier_id, outcome,
        last_bound_at, raised_at, restore_id)
    SELECT gen_random_uuid(), {_ID}, 1, 1, 12, :now, :now, {_ID}
    FROM generate_series(1, {ORDERS}) g WHERE CAST(:model AS uuid) IS NOT NULL
    """,
)


@dataclass(frozen=True)
class Past:
    """What there is: ``open`` are orders in progress, ``done`` such as are not."""

    carrier: CarrierId
    platforms: list[PlatformId]
    endpoints: list[EndpointId]
    open: list[OrderId]
    done: list[OrderId]


async def fill(db: AsyncConnection) -> Past:
    carrier = await a_carrier(db)
    platforms = [
        (await a_reachable_platform(db, f"platform-{place}")).id
        for place in range(PLATFORMS)
    ]
    model = await an_order(db, carrier)
    for statement in _FILLING:
        filling = sql(statement, now=INSTANT, model=UUID_TYPE)
        await db.execute(filling, {"now": NOON, "model": model})
    await db.execute(sql("ANALYZE"))
    found = await db.execute(sql("SELECT id FROM endpoints ORDER BY id"))
    endpoints = [EndpointId(one) for one in found.scalars()]
    ids = [await _order_id(db, place) for place in range(40, 2040, 40)]
    done = [OrderId(UUID(int=one.int + 5)) for one in ids]
    return Past(carrier.id, platforms, endpoints, ids, done)


async def _order_id(db: AsyncConnection, place: int) -> OrderId:
    asked = sql(f"SELECT {_ID} FROM (SELECT {place} AS g) g", now=INSTANT)
    return OrderId((await db.execute(asked, {"now": NOON})).scalar_one())
