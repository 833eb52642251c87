"""What auditors read of the trail: events newest first, and seals."""
# ruff: noqa: S608 - only lists of columns and conditions are put into statements

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.types import TypeEngine

from unbind_broker.audit import store
from unbind_broker.audit.hashing import Event
from unbind_broker.audit.seals import Position, Seal
from unbind_broker.base.database import BYTES, INSTANT, INT, TEXT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, uuid7_floor

# An id may run ahead of its event's instant by a second; see base.ids.
_ID_SLACK = timedelta(seconds=2)
_LAST_INSTANT = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events; what is None does not matter."""

    order_id: UUID | None = None
    number_index: bytes | None = None
    actor: str | None = None
    action: str | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class ReadEvent:
    """An event, and the seal in whose range it stands, if any does yet."""

    event: Event
    seal: int | None


async def list_events(
    db: Db, wanted: Wanted, before_id: UUID | None, limit: int
) -> list[ReadEvent]:
    """Read up to ``limit`` events older than ``before_id``, the newest first."""
    values = {
        name: value
        for name, value in _values(wanted, before_id).items()
        if value is not None
    }
    conditions = [_CONDITIONS[name][0] for name in values] or ["true"]
    types: dict[str, TypeEngine[Any]] = {name: _CONDITIONS[name][1] for name in values}
    statement = sql(
        f"""
        SELECT {store.EVENT_COLUMNS}, (
            SELECT s.number FROM audit_seals s
            WHERE (s.last_xid, s.last_id) >= (e.xid, e.id)
            ORDER BY s.last_xid, s.last_id LIMIT 1
        ) AS seal
        FROM audit_events e
        WHERE {" AND ".join(conditions)}
        ORDER BY e.id DESC
        LIMIT :limit""",
        limit=INT,
        **types,
    )
    rows = await fetch_all(db, statement, {**values, "limit": limit})
    return [ReadEvent(store.event_of(row), row.seal) for row in rows]


async def find_event(db: Db, event_id: UUID) -> ReadEvent | None:
    """Read one event."""
    event = await store.load_event(db, event_id)
    if event is None:
        return None
    seal = await store.find_seal_of(db, Position(event.xid, event.id))
    return ReadEvent(event, None if seal is None else seal.number)


async def list_seals(db: Db, before: int | None, limit: int) -> list[Seal]:
    """Read up to ``limit`` seals, the newest first."""
    return await store.load_seals_before(db, before, limit)


async def list_seals_after(db: Db, number: int, limit: int) -> list[Seal]:
    """Read up to ``limit`` seals behind one, in the order of their numbers."""
    return await store.load_seals_after(db, number, limit)


async def find_seal(db: Db, number: int) -> Seal | None:
    """Read one seal."""
    return await store.load_seal(db, number)


async def latest_seal(db: Db) -> Seal | None:
    """Read the newest seal."""
    return await store.load_last_seal(db)


def _values(wanted: Wanted, before_id: UUID | None) -> Mapping[str, object]:
    after, before = wanted.after, wanted.before
    return {
        "order_id": wanted.order_id,
        "number_index": wanted.number_index,
        "actor": wanted.actor,
        "action": wanted.action,
        "after": after,
        "from_id": after and uuid7_floor(max(after, FIRST_INSTANT)),
        "before": before,
        "upto_id": before and uuid7_floor(_limit(before)),
        "before_id": before_id,
    }


def _limit(before: datetime) -> datetime:
    return min(max(before, FIRST_INSTANT), _LAST_INSTANT) + _ID_SLACK


_CONDITIONS: dict[str, tuple[str, TypeEngine[Any]]] = {
    "order_id": ("e.order_id = :order_id", UUID_TYPE),
    "number_index": ("e.number_index = :number_index", BYTES),
    "actor": ("e.actor = :actor", TEXT),
    "action": ("e.action = :action", TEXT),
    "after": ("e.at > :after", INSTANT),
    "from_id": ("e.id >= :from_id", UUID_TYPE),
    "before": ("e.at < :before", INSTANT),
    "upto_id": ("e.id < :upto_id", UUID_TYPE),
    "before_id": ("e.id < :before_id", UUID_TYPE),
}
