"""The record of every exchange, and the proof that it was recorded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import (
    BOOLEANS,
    BYTESES,
    INSTANTS,
    INTS,
    SMALLS,
    TEXTS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.ids import AttemptId, EndpointId
from unbind_broker.deliveries.outcomes import Outcome
from unbind_broker.endpoints.events import EventType


@dataclass(frozen=True)
class Timings:
    """Milliseconds; None where a part did not happen, as on a kept connection."""

    total_ms: int
    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None


@dataclass(frozen=True)
class Attempt:
    """One HTTP exchange with an endpoint. ``answer_head`` is cleaned free text.

    ``occasion`` is None for the first request and its retries. A ``replay`` was sent
    because its receiver had asked for it once more.
    """

    id: AttemptId
    endpoint_id: EndpointId
    event: EventType
    subject_ids: tuple[UUID, ...]
    webhook_id: str
    body_sha256: bytes
    started_at: datetime
    outcome: Outcome
    timings: Timings
    error: str | None
    answer_head: str | None
    occasion: UUID | None = None
    replay: bool = False


# Arrays of arrays have one length in Postgres, so each list of orders goes as text.
_APPEND = sql(
    """
    INSERT INTO attempts (id, endpoint_id, event, order_ids, webhook_id, body_sha256,
        started_at, outcome, status_code, dns_ms, connect_ms, tls_ms, first_byte_ms,
        total_ms, error, answer_head, occasion, replay)
    SELECT a.id, a.endpoint_id, a.event, a.order_ids::uuid[], a.webhook_id,
        a.body_sha256, a.started_at, a.outcome, a.status_code, a.dns_ms, a.connect_ms,
        a.tls_ms, a.first_byte_ms, a.total_ms, a.error, a.answer_head, a.occasion,
        a.replay
    FROM unnest(:ids, :endpoints, :events, :orders, :webhook_ids, :digests,
        :starts, :outcomes, :status_codes, :dns, :connects, :tls, :first_bytes, :totals,
        :errors, :heads, :occasions, :replays)
    AS a (id, endpoint_id, event, order_ids, webhook_id, body_sha256,
        started_at, outcome, status_code, dns_ms, connect_ms, tls_ms, first_byte_ms,
        total_ms, error, answer_head, occasion, replay)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
    """,
    ids=UUIDS,
    endpoints=INTS,
    events=SMALLS,
    orders=TEXTS,
    webhook_ids=TEXTS,
    digests=BYTESES,
    starts=INSTANTS,
    outcomes=SMALLS,
    status_codes=SMALLS,
    dns=INTS,
    connects=INTS,
    tls=INTS,
    first_bytes=INTS,
    totals=INTS,
    errors=TEXTS,
    heads=TEXTS,
    occasions=UUIDS,
    replays=BOOLEANS,
)


async def append(db: Db, attempts: Sequence[Attempt]) -> set[AttemptId]:
    """Append ``attempts`` and return those that were not there before.

    Whoever is unsure whether a commit went through appends again and does the rest
    only for what comes back.
    """
    if not attempts:
        return set()
    rows = await fetch_all(db, _APPEND, _columns(attempts))
    return {AttemptId(row.id) for row in rows}


def _columns(attempts: Sequence[Attempt]) -> dict[str, object]:
    return {
        "ids": [a.id for a in attempts],
        "endpoints": [a.endpoint_id for a in attempts],
        "events": [a.event.code for a in attempts],
        "orders": ["{" + ",".join(map(str, a.subject_ids)) + "}" for a in attempts],
        "webhook_ids": [a.webhook_id for a in attempts],
        "digests": [a.body_sha256 for a in attempts],
        "starts": [a.started_at for a in attempts],
        "outcomes": [a.outcome.kind.code for a in attempts],
        "status_codes": [a.outcome.status_code for a in attempts],
        "dns": [a.timings.dns_ms for a in attempts],
        "connects": [a.timings.connect_ms for a in attempts],
        "tls": [a.timings.tls_ms for a in attempts],
        "first_bytes": [a.timings.first_byte_ms for a in attempts],
        "totals": [a.timings.total_ms for a in attempts],
        "errors": [a.error for a in attempts],
        "heads": [a.answer_head for a in attempts],
        "occasions": [a.occasion for a in attempts],
        "replays": [a.replay for a in attempts],
    }
