"""Rows of endpoints' health, and what administrators and owners are told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId, new_uuid7, uuid7_floor
from unbind_broker.endpoints.health import Health, HealthEventKind
from unbind_broker.endpoints.tables import endpoint_events, endpoint_health

_HELD = (
    "condition",
    "since",
    "open_until",
    "opened",
    "last_success_at",
    "failing_since",
    "failures",
    "last_error",
)


@dataclass(frozen=True)
class HealthEvent:
    """Something that happened to an endpoint's health."""

    id: UUID
    endpoint_id: EndpointId
    kind: HealthEventKind
    at: datetime
    detail: str | None


async def save(db: Db, healths: Mapping[EndpointId, Health]) -> None:
    """Write how well endpoints do. The caller has made sure that it owns them."""
    if not healths:
        return
    rows = [
        {"endpoint_id": endpoint_id} | {name: getattr(health, name) for name in _HELD}
        for endpoint_id, health in sorted(healths.items())
    ]
    statement = insert(endpoint_health).values(rows)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["endpoint_id"],
            set_={name: statement.excluded[name] for name in _HELD},
        )
    )


async def forget(db: Db, endpoint_id: EndpointId) -> None:
    """Begin anew: whatever was known is about another time, or another place."""
    rows = endpoint_health.c.endpoint_id == endpoint_id
    await db.execute(delete(endpoint_health).where(rows))


async def note(
    db: Db,
    endpoint_id: EndpointId,
    kind: HealthEventKind,
    at: datetime,
    detail: str | None,
) -> None:
    """Append an event."""
    await db.execute(
        insert(endpoint_events).values(
            id=new_uuid7(at), endpoint_id=endpoint_id, kind=kind, at=at, detail=detail
        )
    )


async def list_events(
    db: Db, endpoint_id: EndpointId | None, before: UUID | None, limit: int
) -> list[HealthEvent]:
    """Read up to ``limit`` events, of one endpoint or of all, newest first."""
    columns = endpoint_events.c
    statement = select(endpoint_events).order_by(columns.id.desc()).limit(limit)
    if endpoint_id is not None:
        statement = statement.where(columns.endpoint_id == endpoint_id)
    if before is not None:
        statement = statement.where(columns.id < before)
    rows = (await db.execute(statement)).mappings()
    return [HealthEvent(**row) for row in rows]


async def prune_events(db: Db, before: datetime, limit: int) -> int:
    """Forget up to ``limit`` events that happened ``before``; count them."""
    old = select(endpoint_events.c.id).where(endpoint_events.c.id < uuid7_floor(before))
    rows = endpoint_events.c.id.in_(old.order_by(endpoint_events.c.id).limit(limit))
    return (await db.execute(delete(endpoint_events).where(rows))).rowcount
