# ruff: noqa: S608 - only codes and pieces of statements are put into the statement
"""Count the requests to platforms, once each, by how they ended.

Requests have no place in the trail if nothing of them left the broker. They are read in
the order of their ids, which begin with the time at which they began, and only when
they are so old that all of that time have long been written down.
"""

from datetime import datetime, timedelta

from unbind_broker.base.database import INT, TEXT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, uuid7_floor
from unbind_broker.statistics.adding import (
    MORE,
    SUMS,
    day_of,
    load_mark,
    write_mark,
)
from unbind_broker.statistics.counting import Counted
from unbind_broker.statistics.measures import NO_KIND, Family
from unbind_broker.statistics.order_rounds import Place

ATTEMPTS = "attempts"
"""How far requests were counted stands under this name."""
WRITTEN_BY_THEN = timedelta(minutes=15)
"""One that is written down later still, the database having been away, is missed."""


async def count_attempts(db: Db, now: datetime, zone: str, most: int) -> Counted:
    """Count up to ``most`` further requests by the days of ``zone``.

    In a transaction of isolation level REPEATABLE READ, as ``counting`` says.
    """
    horizon = max(now - WRITTEN_BY_THEN, FIRST_INSTANT)
    after = await load_mark(db, ATTEMPTS)
    values = {"id": after.id, "end": uuid7_floor(horizon), "most": most, "zone": zone}
    found = (await db.execute(_COUNT, values)).one()
    more = found.read >= most
    reached = Place(0, found.last or after.id)
    await write_mark(db, ATTEMPTS, reached, found.last_at if more else horizon)
    return Counted(found.read, more)


_COUNT = sql(
    f"""
    WITH next AS MATERIALIZED (
        SELECT id, endpoint_id, started_at, outcome FROM attempts
        WHERE id > :id AND id < :end
        ORDER BY id
        LIMIT :most
    ), counted AS (
        {SUMS}
        SELECT e.platform_id, {day_of("n.started_at")}, {NO_KIND},
            {Family.ATTEMPT} + n.outcome, count(*)
        FROM next n
        JOIN endpoints e ON e.id = n.endpoint_id
        WHERE e.platform_id IS NOT NULL
        {MORE}
    )
    SELECT count(*) AS read, (array_agg(id ORDER BY id DESC))[1] AS last,
        max(started_at) AS last_at
    FROM next""",
    id=UUID_TYPE,
    end=UUID_TYPE,
    most=INT,
    zone=TEXT,
)
