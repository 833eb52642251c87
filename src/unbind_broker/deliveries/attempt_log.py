# ruff: noqa: S608 - only column names and enum codes are put into statements
"""What was exchanged with an endpoint, newest first (a read model)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, Coded, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, AttemptId, EndpointId, uuid7_floor
from unbind_broker.deliveries.attempts import Attempt, Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints.events import EventType

LAST_WORDS = timedelta(days=30)
"""How long after an item's end something about it may still be sent: that it was
cancelled is repeated for days, and again when its platform asks for it."""

MOST_LOOKED_AT = 100_000
"""Among so many requests one call looks for those that are wanted: there may be none in
a hundred million."""

_ID_AHEAD = timedelta(seconds=2)
"""How far the time in an attempt's id may run ahead of its start."""
_LAST_INSTANT = datetime(9000, 1, 1, tzinfo=UTC)
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)

_COLUMNS = """id, endpoint_id, event, order_ids, webhook_id, body_sha256, started_at,
    outcome, status_code, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, error,
    answer_head, occasion, replay"""
_BETWEEN = "endpoint_id = :endpoint AND id >= :first AND id < :end"
_PAGE = sql(
    f"""
    SELECT {_COLUMNS} FROM (
        SELECT * FROM attempts WHERE {_BETWEEN} ORDER BY id DESC LIMIT :most
    ) looked_at
    WHERE (CAST(:since AS timestamptz) IS NULL OR started_at >= :since)
        AND (CAST(:until AS timestamptz) IS NULL OR started_at < :until)
        AND (CAST(:outcome AS smallint) IS NULL OR outcome = :outcome)
        AND (CAST(:subject AS uuid) IS NULL OR :subject = ANY(order_ids))
    ORDER BY id DESC
    LIMIT :limit
    """,
    endpoint=INT,
    first=UUID_TYPE,
    end=UUID_TYPE,
    since=INSTANT,
    until=INSTANT,
    outcome=Coded(OutcomeKind),
    subject=UUID_TYPE,
    most=INT,
    limit=INT,
)
_LAST = sql(
    f"""
    SELECT id FROM attempts WHERE {_BETWEEN}
    ORDER BY id DESC OFFSET :most - 1 LIMIT 1
    """,
    endpoint=INT,
    first=UUID_TYPE,
    end=UUID_TYPE,
    most=INT,
)
_ONE = sql(
    f"SELECT {_COLUMNS} FROM attempts WHERE id = :id AND endpoint_id = :endpoint",
    id=UUID_TYPE,
    endpoint=INT,
)
_LIFE = sql(
    """
    SELECT i.finished_at
    FROM endpoints e JOIN items i ON i.platform_id = e.platform_id
    WHERE e.id = :endpoint AND i.order_id = :subject
    """,
    endpoint=INT,
    subject=UUID_TYPE,
)


@dataclass(frozen=True)
class WantedAttempts:
    """Which attempts to list: about this order or notice, of this outcome, begun then.

    None takes all. ``until`` is excluded.
    """

    subject: UUID | None = None
    outcome: OutcomeKind | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_attempts(
    db: Db,
    endpoint_id: EndpointId,
    wanted: WantedAttempts,
    before: UUID | None,
    limit: int,
    most: int = MOST_LOOKED_AT,
) -> list[Attempt]:
    """Read up to ``limit`` attempts with ids below ``before``, newest first.

    They are looked for among ``most``; `last_looked_at` says where that ends.
    """
    values = {
        **await _between(db, endpoint_id, wanted, before, most),
        "since": wanted.since,
        "until": wanted.until,
        "outcome": wanted.outcome,
        "subject": wanted.subject,
        "limit": limit,
    }
    return [_attempt(row) for row in await fetch_all(db, _PAGE, values)]


async def last_looked_at(
    db: Db,
    endpoint_id: EndpointId,
    wanted: WantedAttempts,
    before: UUID | None,
    most: int = MOST_LOOKED_AT,
) -> UUID | None:
    """Say behind which attempt to look on; None if all of them were looked at."""
    values = await _between(db, endpoint_id, wanted, before, most)
    rows = await fetch_all(db, _LAST, values)
    return rows[0].id if rows else None


async def find_attempt(
    db: Db, endpoint_id: EndpointId, attempt_id: UUID
) -> Attempt | None:
    """Read one attempt of this endpoint."""
    values = {"id": attempt_id, "endpoint": endpoint_id}
    rows = await fetch_all(db, _ONE, values)
    return _attempt(rows[0]) if rows else None


async def _between(
    db: Db,
    endpoint_id: EndpointId,
    wanted: WantedAttempts,
    before: UUID | None,
    most: int,
) -> dict[str, object]:
    first, end = _LOWEST, before or _HIGHEST
    if wanted.since is not None:
        first = _floor(wanted.since)
    if wanted.until is not None:
        end = min(end, _floor(wanted.until, _ID_AHEAD))
    if wanted.subject is not None:
        born, gone = await _life(db, endpoint_id, wanted.subject)
        first, end = max(first, born), min(end, gone)
    return {"endpoint": endpoint_id, "first": first, "end": end, "most": most}


async def _life(db: Db, endpoint_id: EndpointId, subject: UUID) -> tuple[UUID, UUID]:
    """Say between which ids the attempts about an order, or a notice, lie."""
    born = UUID(int=subject.int >> 80 << 80)  # the millisecond in which it was made
    ends = await fetch_all(db, _LIFE, {"endpoint": endpoint_id, "subject": subject})
    ended = [row.finished_at for row in ends if row.finished_at is not None]
    gone = _floor(ended[0], LAST_WORDS) if ended else _HIGHEST
    return born, gone


def _floor(at: datetime, later: timedelta = timedelta(0)) -> UUID:
    return uuid7_floor(min(max(at, FIRST_INSTANT), _LAST_INSTANT) + later)


def _attempt(row: Any) -> Attempt:
    return Attempt(
        id=AttemptId(row.id),
        endpoint_id=row.endpoint_id,
        event=EventType.from_code(row.event),
        subject_ids=tuple(row.order_ids),
        webhook_id=row.webhook_id,
        body_sha256=row.body_sha256,
        started_at=row.started_at,
        outcome=Outcome(OutcomeKind.from_code(row.outcome), row.status_code),
        timings=Timings(
            total_ms=row.total_ms,
            dns_ms=row.dns_ms,
            connect_ms=row.connect_ms,
            tls_ms=row.tls_ms,
            first_byte_ms=row.first_byte_ms,
        ),
        error=row.error,
        answer_head=row.answer_head,
        occasion=row.occasion,
        replay=row.replay,
    )
