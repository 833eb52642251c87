"""For which endpoints anything is due: asked before it is read what."""

from collections.abc import Collection
from datetime import datetime

from unbind_broker.base.database import INSTANT, INTS, Db, sql
from unbind_broker.base.ids import EndpointId


async def find_due(
    db: Db, now: datetime, endpoint_ids: Collection[EndpointId], since: datetime
) -> set[EndpointId]:
    """Name those of the endpoints with rows due from ``since`` to ``now``.

    Some of these rows may not be sendable; ``queue.due`` tells.
    """
    if not endpoint_ids:
        return set()
    values = {"endpoints": list(endpoint_ids), "since": since, "now": now}
    return set((await db.execute(_DUE, values)).scalars())


# One row of each is looked up (LATERAL with LIMIT): Postgres must not decide to read
# all that is due because it expects little.
_DUE = sql(
    """
    SELECT w.endpoint_id
    FROM unnest(:endpoints) AS w (endpoint_id)
    CROSS JOIN LATERAL (
        SELECT FROM deliveries r
        WHERE r.endpoint_id = w.endpoint_id AND r.due_at BETWEEN :since AND :now
        LIMIT 1
    ) d
    """,
    endpoints=INTS,
    since=INSTANT,
    now=INSTANT,
)
