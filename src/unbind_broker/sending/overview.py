# ruff: noqa: S608 - only enum codes are put into statements
"""How delivery stands as a whole, read at little cost however much is queued."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.endpoints.posted_to import POSTED_TO, REAL
from unbind_broker.endpoints.states import EndpointStatus

MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Queue:
    """What is to be sent besides first sends.

    Rehearsals are left out. ``rows`` are counted among ``MOST_COUNTED``.
    ``oldest_due_at`` is of active endpoints alone: others' rows wait until they are
    active again. It is None where nothing is due.
    """

    rows: int
    oldest_due_at: datetime | None


@dataclass(frozen=True)
class WorkerSeen:
    """A worker that told within the last day that it lives, and what it owns now."""

    id: UUID
    host: str
    started_at: datetime
    seen_at: datetime
    endpoints: int


async def read_queue(db: Db, now: datetime) -> Queue:
    """Say how much is queued and since when the oldest of it is due."""
    (row,) = await fetch_all(db, _QUEUE, {"now": now, "most": MOST_COUNTED})
    return Queue(*row)


async def list_workers(db: Db) -> list[WorkerSeen]:
    """List the workers, the newest first."""
    return [WorkerSeen(*row) for row in await fetch_all(db, _WORKERS, {})]


async def count_without_owner(db: Db) -> int:
    """Count the endpoints that the broker posts to and that no worker owns.

    Those where somebody rehearses are left out.
    """
    count: int = (await db.execute(_WITHOUT_OWNER)).scalar_one()
    return count


# The oldest is looked up for each endpoint by the index that senders read, too.
_QUEUE = sql(
    f"""
    SELECT
        (SELECT count(*)
            FROM (
                SELECT FROM endpoints e
                CROSS JOIN LATERAL (
                    SELECT FROM deliveries WHERE endpoint_id = e.id OFFSET 0
                ) d
                WHERE {POSTED_TO} AND {REAL}
                LIMIT :most
            ) d) AS rows,
        (SELECT min(d.due_at)
            FROM endpoints e
            CROSS JOIN LATERAL (
                SELECT due_at FROM deliveries
                WHERE endpoint_id = e.id AND due_at <= :now
                ORDER BY due_at
                LIMIT 1
            ) d
            WHERE {POSTED_TO} AND e.status = {EndpointStatus.ACTIVE.code} AND {REAL}
        ) AS oldest_due_at
    """,
    now=INSTANT,
    most=INT,
)
_LIVING = "l.holder IS NOT NULL AND l.lease_until > clock_timestamp()"
_WORKERS = sql(
    f"""
    SELECT w.id, w.host, w.started_at, w.seen_at, count(l.endpoint_id) AS endpoints
    FROM workers w
    LEFT JOIN endpoint_leases l ON l.holder = w.id AND {_LIVING}
    GROUP BY w.id
    ORDER BY w.id DESC"""
)
_WITHOUT_OWNER = sql(
    f"""
    SELECT count(*)
    FROM endpoints e
    JOIN endpoint_leases l ON l.endpoint_id = e.id
    WHERE {POSTED_TO} AND {REAL} AND NOT coalesce({_LIVING}, false)"""
)
