# ruff: noqa: S608 - only enum codes are put into statements
"""Which worker owns which endpoint, kept by the database's clock alone."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, NamedTuple

from unbind_broker.base.database import (
    BIGS,
    FLOAT,
    INT,
    INTS,
    TEXT,
    UUID,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.ids import EndpointId, WorkerId
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.orders.positions import Position


class Tenancy(NamedTuple):
    """Name one ownership of an endpoint: each new owner counts the epoch up."""

    endpoint_id: EndpointId
    epoch: int


class Owned(NamedTuple):
    """An owned endpoint and how far the log is done for it."""

    tenancy: Tenancy
    cursor: Position


class Census(NamedTuple):
    """How many endpoints there are to lease, and how many workers that live.

    ``retired`` are those of the endpoints asked about that nobody posts to any more.
    """

    endpoints: int
    workers: int
    retired: set[EndpointId]

    @property
    def share(self) -> int:
        """Give how many endpoints each worker may own."""
        return -(-self.endpoints // max(1, self.workers))


_UNTIL = "clock_timestamp() + make_interval(secs => :lease)"
_FREE = f"""
    FROM endpoint_leases l
    JOIN endpoints e ON e.id = l.endpoint_id
    WHERE {POSTED_TO} AND l.endpoint_id <> ALL(:busy)
        AND (l.holder IS NULL OR l.lease_until <= clock_timestamp())
"""
# The CASE keeps Postgres from reading all leases of the worker for each that is named.
_MINE = """
    WITH mine AS (
        SELECT l.endpoint_id, n.cursor_xid, n.cursor_order_id
        FROM unnest(:endpoints, :epochs, :xids, :orders)
            AS n (endpoint_id, epoch, cursor_xid, cursor_order_id)
        JOIN endpoint_leases l ON l.endpoint_id = n.endpoint_id
        WHERE l.epoch = n.epoch
            AND CASE
                WHEN l.holder = :worker THEN l.lease_until > clock_timestamp() END
        ORDER BY l.endpoint_id
        FOR NO KEY UPDATE OF l
    )
"""
_CURSORS = "cursor_xid = mine.cursor_xid, cursor_order_id = mine.cursor_order_id"

_BEAT = sql(
    """
    INSERT INTO workers (id, host, started_at, seen_at)
    VALUES (:worker, :host, clock_timestamp(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
    """,
    worker=UUID,
    host=TEXT,
)
_OWNED: dict[str, Any] = {
    "endpoints": INTS,
    "epochs": BIGS,
    "xids": BIGS,
    "orders": UUIDS,
    "worker": UUID,
}
_RENEW = sql(
    f"""{_MINE}
    UPDATE endpoint_leases l SET lease_until = {_UNTIL}, {_CURSORS}
    FROM mine WHERE l.endpoint_id = mine.endpoint_id
    RETURNING l.endpoint_id
    """,
    **_OWNED,
    lease=FLOAT,
)
_RELEASE = sql(
    f"""{_MINE}
    UPDATE endpoint_leases l SET holder = NULL, lease_until = NULL, {_CURSORS}
    FROM mine WHERE l.endpoint_id = mine.endpoint_id
    """,
    **_OWNED,
)
_UNWRITTEN = sql(
    f"""{_MINE}
    UPDATE endpoint_leases l SET forced_at = clock_timestamp()
    FROM mine WHERE l.endpoint_id = mine.endpoint_id
    """,
    **_OWNED,
)
_COUNT = sql(
    f"""
    SELECT
        (SELECT count(*) FROM endpoints e WHERE {POSTED_TO}) AS endpoints,
        (SELECT count(*) FROM workers
            WHERE seen_at > clock_timestamp() - make_interval(secs => :lease))
            AS workers,
        ARRAY(SELECT e.id FROM endpoints e
            WHERE e.id = ANY(:mine) AND NOT ({POSTED_TO})) AS retired
    """,
    mine=INTS,
    lease=FLOAT,
)
_CLAIM = sql(
    f"""
    WITH free AS (
        SELECT l.endpoint_id {_FREE}
        ORDER BY l.endpoint_id
        LIMIT :count
        FOR NO KEY UPDATE OF l SKIP LOCKED
    )
    UPDATE endpoint_leases l
    SET holder = :worker, epoch = l.epoch + 1, lease_until = {_UNTIL},
        forced_at = CASE
            WHEN l.holder IS NULL THEN l.forced_at ELSE clock_timestamp() END
    FROM free WHERE l.endpoint_id = free.endpoint_id
    RETURNING l.endpoint_id, l.epoch, l.cursor_xid, l.cursor_order_id
    """,
    busy=INTS,
    count=INT,
    worker=UUID,
    lease=FLOAT,
)
_ANY_FREE = sql(f"SELECT EXISTS (SELECT {_FREE})", busy=INTS)
# FOR KEY SHARE would not hold off a thief.
_FENCE = sql(
    """
    SELECT l.endpoint_id, l.epoch
    FROM unnest(:endpoints, :epochs) AS n (endpoint_id, epoch)
    JOIN endpoint_leases l ON l.endpoint_id = n.endpoint_id AND l.epoch = n.epoch
    WHERE l.holder = :worker
    ORDER BY l.endpoint_id
    FOR SHARE OF l
    """,
    endpoints=INTS,
    epochs=BIGS,
    worker=UUID,
)
_FREE_ALL = sql(
    """
    WITH theirs AS (
        SELECT endpoint_id FROM endpoint_leases
        WHERE holder = ANY(:dead)
        ORDER BY endpoint_id
        FOR NO KEY UPDATE
    )
    UPDATE endpoint_leases l
    SET holder = NULL, lease_until = NULL, forced_at = clock_timestamp()
    FROM theirs WHERE l.endpoint_id = theirs.endpoint_id
    """,
    dead=UUIDS,
)
_BURY = sql("DELETE FROM workers WHERE id = ANY(:dead)", dead=UUIDS)
_FORGET = sql(
    "DELETE FROM workers WHERE seen_at < clock_timestamp() - interval '1 day'"
)


async def beat(db: Db, worker: WorkerId, host: str) -> None:
    """Tell that this worker lives."""
    await db.execute(_BEAT, {"worker": worker, "host": host})
    await db.execute(_FORGET)


async def sign_off(db: Db, worker: WorkerId) -> None:
    """Be counted no more, so that others do not leave a share to this worker."""
    await db.execute(_BURY, {"dead": [worker]})


async def renew(
    db: Db, worker: WorkerId, lease: timedelta, owned: Collection[Owned]
) -> set[EndpointId]:
    """Prolong what is held, carrying the cursors; return what is still held."""
    if not owned:
        return set()
    values = {
        **_columns(owned),
        "worker": worker,
        "lease": lease.total_seconds(),
    }
    return {row.endpoint_id for row in await fetch_all(db, _RENEW, values)}


async def count(db: Db, lease: timedelta, mine: Collection[EndpointId]) -> Census:
    """Count endpoints and the workers that were seen within a lease."""
    values = {"mine": list(mine), "lease": lease.total_seconds()}
    row = (await fetch_all(db, _COUNT, values))[0]
    return Census(row.endpoints, row.workers, set(row.retired))


async def claim(
    db: Db,
    worker: WorkerId,
    lease: timedelta,
    most: int,
    busy: Collection[EndpointId] = (),
) -> list[Owned]:
    """Take up to ``most`` endpoints that nobody owns, but none that are ``busy``."""
    if most <= 0:
        return []
    rows = await fetch_all(
        db,
        _CLAIM,
        {
            "busy": list(busy),
            "count": most,
            "worker": worker,
            "lease": lease.total_seconds(),
        },
    )
    return [
        Owned(
            Tenancy(row.endpoint_id, row.epoch),
            Position(row.cursor_xid, row.cursor_order_id),
        )
        for row in rows
    ]


async def any_free(db: Db, busy: Collection[EndpointId]) -> bool:
    """Tell whether an endpoint waits for an owner."""
    found: bool = (await db.execute(_ANY_FREE, {"busy": list(busy)})).scalar_one()
    return found


async def release(db: Db, worker: WorkerId, owned: Collection[Owned]) -> None:
    """Give endpoints back, so that somebody else can own them at once."""
    if owned:
        await db.execute(_RELEASE, {**_columns(owned), "worker": worker})


async def give_back(db: Db, worker: WorkerId, owned: Collection[Owned]) -> None:
    """Give everything back and be counted no more."""
    await release(db, worker, owned)
    await sign_off(db, worker)


async def take_over(db: Db, dead: Collection[WorkerId]) -> None:
    """Free at once what workers held that are known to be dead."""
    if dead:
        await db.execute(_FREE_ALL, {"dead": list(dead)})
        await db.execute(_BURY, {"dead": list(dead)})


async def hold(
    db: Db, worker: WorkerId, tenancies: Collection[Tenancy]
) -> set[Tenancy]:
    """Return those that stand, and let nobody end them before this commits."""
    if not tenancies:
        return set()
    values = {
        "endpoints": [tenancy.endpoint_id for tenancy in tenancies],
        "epochs": [tenancy.epoch for tenancy in tenancies],
        "worker": worker,
    }
    return {Tenancy(*row) for row in await fetch_all(db, _FENCE, values)}


async def note_unwritten(db: Db, worker: WorkerId, owned: Collection[Owned]) -> None:
    """Note that something was sent of which nothing is written down, nor will be.

    It counts as if the endpoints had been lost, though their owner goes on.
    """
    if owned:
        await db.execute(_UNWRITTEN, {**_columns(owned), "worker": worker})


def _columns(owned: Collection[Owned]) -> dict[str, object]:
    return {
        "endpoints": [one.tenancy.endpoint_id for one in owned],
        "epochs": [one.tenancy.epoch for one in owned],
        "xids": [one.cursor.xid for one in owned],
        "orders": [one.cursor.order_id for one in owned],
    }
