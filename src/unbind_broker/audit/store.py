# ruff: noqa: S608 - only lists of columns are put into statements
"""Read events and seals as they stand, in the order of sealing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause

from unbind_broker.audit.hashing import Event, write_instant
from unbind_broker.audit.seals import Position, Seal
from unbind_broker.base.database import BIG, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE

# As JSON writes it: the same whatever DateStyle says, and readable whatever it holds.
EVENT_COLUMNS = """e.id, e.xid, to_jsonb(e.at) #>> '{}' AS at, e.actor, e.action,
    e.order_id, e.number_index, e.facts::text AS facts"""
SEAL_COLUMNS = """s.number, s.last_xid, s.last_id, s.events, s.root, s.previous,
    to_jsonb(s.sealed_at) #>> '{}' AS sealed_at, s.key_id, s.signature"""


async def load_sealable(db: Db, after: Position, most: int) -> list[Event]:
    """Read events behind ``after`` whose transactions, and all older ones, are over."""
    return await _events(db, UNSEALED, after, {"most": most})


async def load_events(
    db: Db, after: Position, upto: Position, most: int
) -> list[Event]:
    """Read up to ``most`` events behind ``after``, up to and with ``upto``."""
    values = {"most": most, "upto_xid": upto.xid, "upto_id": upto.id}
    return await _events(db, RANGE, after, values)


async def load_event(db: Db, event_id: UUID) -> Event | None:
    """Read one event."""
    rows = await fetch_all(db, _ONE, {"id": event_id})
    return event_of(rows[0]) if rows else None


async def load_positions(db: Db, ids: Sequence[UUID]) -> dict[UUID, Position]:
    """Tell where those of the events stand that exist."""
    rows = await fetch_all(db, _POSITIONS, {"ids": list(ids)})
    return {row.id: Position(row.xid, row.id) for row in rows}


async def count_behind(db: Db, after: Position) -> int:
    """Count the events behind a place."""
    values = {"after_xid": after.xid, "after_id": after.id}
    counted: int = (await db.execute(_COUNT, values)).scalar_one()
    return counted


async def load_last_seal(db: Db) -> Seal | None:
    """Read the newest seal."""
    rows = await fetch_all(db, _LAST_SEAL, {})
    return seal_of(rows[0]) if rows else None


async def load_seal(db: Db, number: int) -> Seal | None:
    """Read one seal."""
    rows = await fetch_all(db, _SEAL, {"number": number})
    return seal_of(rows[0]) if rows else None


async def load_seals_after(db: Db, number: int, most: int) -> list[Seal]:
    """Read seals in the order of their numbers."""
    rows = await fetch_all(db, _SEALS_AFTER, {"number": number, "most": most})
    return [seal_of(row) for row in rows]


async def load_seals_before(db: Db, number: int | None, most: int) -> list[Seal]:
    """Read seals, the newest first; ``number`` left out, from the last one on."""
    values = {"number": number, "most": most}
    return [seal_of(row) for row in await fetch_all(db, _SEALS_BEFORE, values)]


async def load_with_leaves(
    db: Db, after: int | None, upto: int, most: int
) -> list[tuple[Seal, bytes]]:
    """Read seals and their packed leaves; ``after`` left out, from the lowest on."""
    values = {"after": after, "upto": upto, "most": most}
    rows = await fetch_all(db, _WITH_LEAVES, values)
    return [(seal_of(row), bytes(row.leaves)) for row in rows]


async def load_leaves(db: Db, number: int) -> bytes:
    """Read the packed leaves of one seal."""
    found = await db.execute(_LEAVES, {"number": number})
    return bytes(found.scalar_one())


async def find_seal_of(db: Db, place: Position) -> Seal | None:
    """Find the seal in whose range a place lies."""
    rows = await fetch_all(db, SEAL_OF, {"xid": place.xid, "id": place.id})
    return seal_of(rows[0]) if rows else None


def event_of(row: Row[Any]) -> Event:
    """Make an event of a row of ``EVENT_COLUMNS``."""
    return Event(
        id=row.id,
        xid=row.xid,
        at=row.at,
        actor=row.actor,
        action=row.action,
        order_id=row.order_id,
        number_index=None if row.number_index is None else bytes(row.number_index),
        facts=row.facts,
    )


def seal_of(row: Row[Any]) -> Seal:
    """Make a seal of a row of ``SEAL_COLUMNS``."""
    return Seal(
        number=row.number,
        last=Position(row.last_xid, row.last_id),
        events=row.events,
        root=bytes(row.root),
        previous=bytes(row.previous),
        sealed_at=write_instant(row.sealed_at),
        key_id=row.key_id,
        signature=bytes(row.signature),
    )


async def _events(
    db: Db, statement: TextClause, after: Position, values: dict[str, object]
) -> list[Event]:
    place = {"after_xid": after.xid, "after_id": after.id}
    return [event_of(row) for row in await fetch_all(db, statement, place | values)]


UNSEALED = sql(
    f"""
    SELECT {EVENT_COLUMNS} FROM audit_events e
    WHERE (e.xid, e.id) > (:after_xid, :after_id)
        AND e.xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
    ORDER BY e.xid, e.id
    LIMIT :most""",
    after_xid=BIG,
    after_id=UUID_TYPE,
    most=INT,
)
_LAST_SEALED = "FROM audit_seals ORDER BY number DESC LIMIT 1"
# LIMIT tells Postgres 15, too, that the first row is enough.
ANY_UNSEALED = f"""
    (SELECT FROM audit_events WHERE xid > (SELECT last_xid {_LAST_SEALED}) LIMIT 1)
    UNION ALL
    (SELECT FROM audit_events WHERE xid = (SELECT last_xid {_LAST_SEALED})
        AND id > (SELECT last_id {_LAST_SEALED}) LIMIT 1)
    UNION ALL
    (SELECT FROM audit_events WHERE NOT EXISTS (SELECT {_LAST_SEALED}) LIMIT 1)
"""
"""Asks whether there are events behind the last seal, sealable already or not."""

RANGE = sql(
    f"""
    SELECT {EVENT_COLUMNS} FROM audit_events e
    WHERE (e.xid, e.id) > (:after_xid, :after_id)
        AND (e.xid, e.id) <= (:upto_xid, :upto_id)
    ORDER BY e.xid, e.id
    LIMIT :most""",
    after_xid=BIG,
    after_id=UUID_TYPE,
    most=INT,
    upto_xid=BIG,
    upto_id=UUID_TYPE,
)
SEAL_OF = sql(
    f"""
    SELECT {SEAL_COLUMNS} FROM audit_seals s
    WHERE (s.last_xid, s.last_id) >= (:xid, :id)
    ORDER BY s.last_xid, s.last_id
    LIMIT 1""",
    xid=BIG,
    id=UUID_TYPE,
)
_ONE = sql(f"SELECT {EVENT_COLUMNS} FROM audit_events e WHERE e.id = :id", id=UUID_TYPE)
_POSITIONS = sql("SELECT id, xid FROM audit_events WHERE id = ANY(:ids)", ids=UUIDS)
_COUNT = sql(
    "SELECT count(*) FROM audit_events WHERE (xid, id) > (:after_xid, :after_id)",
    after_xid=BIG,
    after_id=UUID_TYPE,
)
_LAST_SEAL = sql(
    f"SELECT {SEAL_COLUMNS} FROM audit_seals s ORDER BY s.number DESC LIMIT 1"
)
_SEAL = sql(
    f"SELECT {SEAL_COLUMNS} FROM audit_seals s WHERE s.number = :number", number=BIG
)
_SEALS_AFTER = sql(
    f"""
    SELECT {SEAL_COLUMNS} FROM audit_seals s
    WHERE s.number > :number ORDER BY s.number LIMIT :most""",
    number=BIG,
    most=INT,
)
_SEALS_BEFORE = sql(
    f"""
    SELECT {SEAL_COLUMNS} FROM audit_seals s
    WHERE s.number < coalesce(:number, 9223372036854775807)
    ORDER BY s.number DESC LIMIT :most""",
    number=BIG,
    most=INT,
)
_WITH_LEAVES = sql(
    f"""
    SELECT {SEAL_COLUMNS}, s.leaves FROM audit_seals s
    WHERE s.number > coalesce(:after, -9223372036854775808) AND s.number <= :upto
    ORDER BY s.number
    LIMIT :most""",
    after=BIG,
    upto=BIG,
    most=INT,
)
_LEAVES = sql("SELECT leaves FROM audit_seals WHERE number = :number", number=BIG)
