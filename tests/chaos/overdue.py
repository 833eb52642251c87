# ruff: noqa: S608 - only column names and enum codes are put into statements
"""A long past: hundreds of thousands of items that two endpoints have not taken."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

from tests.chaos.scene import CLOCK, Scene
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked
from unbind_broker.base.database import INT, INTS, UUID, sql
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import orders


async def fall_behind(scene: Scene, doors: tuple[int, ...], count: int) -> None:
    """Copy an order for these doors so often; half of the copies were tried before.

    Those are due again since an hour; the others wait in the log, behind cursors that
    have not moved.
    """
    slugs = tuple(f"platform-{door}" for door in doors)
    async with scene.engine.begin() as db:
        now = CLOCK.now()
        wanted = asked(number=a_number(9_999), platforms=slugs, now=now)
        model = await an_order(db, scene.carrier, wanted, now=now)
    ends = [scene.endpoints[door] for door in doors]
    values = {"model": model, "half": count // 2, "count": count, "ends": ends}
    for statement in _STATEMENTS:
        taken = {name: values[name] for name in statement._bindparams}
        async with scene.engine.begin() as db:
            await db.execute(statement, taken)
    async with scene.engine.connect() as db:
        await db.execute(sql("ANALYZE"))
        await db.commit()


_NTH = """CAST(
    substr(CAST(CAST(:model AS uuid) AS text), 1, 24) || lpad(to_hex(n), 12, '0')
    AS uuid)"""


def _copies_of(table: Table, key: str) -> str:
    kept = ", ".join(column.name for column in table.c if column.name != key)
    return f"""
        INSERT INTO {table.name} ({key}, {kept})
        SELECT {_NTH}, {kept} FROM {table.name}, generate_series(1, :count) n
        WHERE {key} = :model
    """


_TYPES: dict[str, TypeEngine[Any]] = {
    "model": UUID,
    "half": INT,
    "count": INT,
    "ends": INTS,
}
_TEXTS = (
    _copies_of(orders, "id"),
    _copies_of(items, "order_id"),
    f"INSERT INTO order_log SELECT 1, {_NTH} FROM generate_series(1, :half) n",
    f"""
    UPDATE items SET attempts = 1 WHERE order_id IN
        (SELECT {_NTH} FROM generate_series(:half + 1, :count) n)
    """,
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e, now() - interval '1 hour' + n * interval '1 ms',
        {EventType.UNBIND_REQUESTED.code}, {_NTH}, 1
    FROM unnest(:ends) e, generate_series(:half + 1, :count) n
    """,
    "UPDATE endpoint_leases SET cursor_xid = 0 WHERE endpoint_id = ANY(:ends)",
)
_STATEMENTS = [
    sql(one, **{name: kind for name, kind in _TYPES.items() if f":{name}" in one})
    for one in _TEXTS
]
