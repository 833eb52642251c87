"""Rows of endpoints, and the lease row that each of them has."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Boolean, RowMapping, TextClause, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.selectable import TextualSelect

from unbind_broker.base.database import BIG, INT, INTS, TEXT, Db, sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.health import Health
from unbind_broker.endpoints.posted_to import REAL_WORLD as _REAL
from unbind_broker.endpoints.tables import endpoint_health, endpoints

_OF_ENDPOINT = tuple(endpoints.c)
_OF_HEALTH = tuple(column for column in endpoint_health.c if not column.primary_key)
_TABLES = """
    FROM endpoints e
    LEFT JOIN platforms p ON p.id = e.platform_id
    LEFT JOIN carriers c ON c.id = e.carrier_id
    LEFT JOIN endpoint_versions v ON v.endpoint_id = e.id
    LEFT JOIN endpoint_health h ON h.endpoint_id = e.id
"""
_COLUMNS = f"""
    SELECT {", ".join(f"e.{column.name}" for column in _OF_ENDPOINT)},
        coalesce(p.slug, c.slug) AS owner_slug,
        coalesce(p.sensitive, false) AS sensitive,
        coalesce(p.world, {_REAL}) <> {_REAL} OR c.sandbox_of IS NOT NULL AS rehearses,
        coalesce(v.version, 0) AS version,
        {", ".join(f"h.{column.name}" for column in _OF_HEALTH)}
    {_TABLES}
"""


def _reading(statement: TextClause) -> TextualSelect:
    """Give the columns their types, so that codes come back as words."""
    columns = (*_OF_ENDPOINT, *_OF_HEALTH)
    return statement.columns(
        *columns, owner_slug=TEXT, sensitive=Boolean, rehearses=Boolean, version=BIG
    )


_OWNED = "WHERE e.platform_id = :platform_id OR e.carrier_id = :carrier_id"
_by_owner = _reading(sql(f"{_COLUMNS} {_OWNED}", platform_id=INT, carrier_id=INT))
_by_owner_locked = _reading(
    sql(f"{_COLUMNS} {_OWNED} FOR NO KEY UPDATE OF e", platform_id=INT, carrier_id=INT)
)
_by_id_locked = _reading(
    sql(f"{_COLUMNS} WHERE e.id = :id FOR NO KEY UPDATE OF e", id=INT)
)
_by_ids = _reading(sql(f"{_COLUMNS} WHERE e.id = ANY(:ids) ORDER BY e.id", ids=INTS))
_NEXT = "WHERE e.id > :after ORDER BY e.id LIMIT :most"
_page = _reading(sql(f"{_COLUMNS} {_NEXT}", after=INT, most=INT))
# Every change of a row makes another version of it, by another transaction.
_mark = sql(
    f"""
    SELECT md5(string_agg(
        (e.id, e.xmin, p.xmin, c.xmin, v.xmin, h.xmin)::text, ',' ORDER BY e.id
    ))
    {_TABLES}
    WHERE e.id = ANY(:ids)
    """,
    ids=INTS,
)
_changes = sql("SELECT coalesce(sum(version), 0)::bigint FROM endpoint_versions")
_count_change = sql(
    """
    INSERT INTO endpoint_versions AS v (endpoint_id, version) VALUES (:id, 1)
    ON CONFLICT (endpoint_id) DO UPDATE SET version = v.version + 1
    RETURNING version
    """,
    id=INT,
)
_new_lease = sql(
    """
    INSERT INTO endpoint_leases (endpoint_id, epoch, cursor_xid, cursor_order_id)
    VALUES (
        :endpoint_id, 0,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        '00000000-0000-0000-0000-000000000000'
    )
    """,
    endpoint_id=INT,
)


async def insert_new(db: Db, **values: object) -> EndpointId | None:
    """Insert an endpoint and its lease; None if its owner has one already.

    The lease's cursor stands before every transaction that runs, so that no order made
    from now on is missed.
    """
    statement = insert(endpoints).values(**values).on_conflict_do_nothing()
    inserted = await db.execute(statement.returning(endpoints.c.id))
    made: EndpointId | None = inserted.scalar_one_or_none()
    if made is not None:
        await db.execute(_new_lease, {"endpoint_id": made})
    return made


async def load(db: Db, owner: Owner, *, lock: bool = False) -> Endpoint | None:
    """Read an owner's endpoint; ``lock`` keeps others from changing it meanwhile."""
    statement = _by_owner_locked if lock else _by_owner
    values = {"platform_id": owner.platform_id, "carrier_id": owner.carrier_id}
    row = (await db.execute(statement, values)).mappings().one_or_none()
    return None if row is None else _endpoint(row)


async def load_locked(db: Db, endpoint_id: EndpointId) -> Endpoint | None:
    """Read an endpoint and keep others from changing it meanwhile."""
    row = (await db.execute(_by_id_locked, {"id": endpoint_id})).mappings()
    found = row.one_or_none()
    return None if found is None else _endpoint(found)


async def load_many(db: Db, ids: Collection[EndpointId]) -> list[Endpoint]:
    """Read these endpoints, secrets sealed, in the order of their ids."""
    rows = (await db.execute(_by_ids, {"ids": list(ids)})).mappings()
    return [_endpoint(row) for row in rows]


async def mark(db: Db, ids: Collection[EndpointId]) -> str | None:
    """Give what is another one as soon as `load_many` would read anything else."""
    found: str | None = (await db.execute(_mark, {"ids": list(ids)})).scalar_one()
    return found


async def count_changes(db: Db) -> int:
    """Count what owners have ever changed of all endpoints."""
    count: int = (await db.execute(_changes)).scalar_one()
    return count


async def load_page(db: Db, after: int, limit: int) -> list[Endpoint]:
    """Read up to ``limit`` endpoints whose ids come behind ``after``."""
    rows = (await db.execute(_page, {"after": after, "most": limit})).mappings()
    return [_endpoint(row) for row in rows]


async def write(
    db: Db, endpoint_id: EndpointId, now: datetime, **values: object
) -> int:
    """Change columns of an endpoint that is locked, and return its new version."""
    statement = update(endpoints).where(endpoints.c.id == endpoint_id)
    await db.execute(statement.values(**values, changed_at=now))
    counted = await db.execute(_count_change, {"id": endpoint_id})
    version: int = counted.scalar_one()
    return version


def _endpoint(row: RowMapping) -> Endpoint:
    known = {column.name: row[column.name] for column in _OF_HEALTH}
    plain = {name: value for name, value in row.items() if name not in known}
    chosen = row["event_types"]
    plain["event_types"] = None if chosen is None else tuple(chosen)
    health = None if known["condition"] is None else Health(**known)
    return Endpoint(**plain, health=health)
