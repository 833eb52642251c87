# ruff: noqa: S608 - only enum codes are put into statements
"""Notice who has come to hold a number since it was published, for those who count.

To look up a million numbers takes many seconds, so it is done again and again in
bounded steps, and what was found is kept. Whoever reads numbers one by one looks for
himself, see ``live``.
"""

from datetime import datetime, timedelta
from typing import Any

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.clearances.live import HELD_AGAIN
from unbind_broker.clearances.states import ClearanceStatus

LEAST_PAUSE = timedelta(seconds=5)
PAUSE_OF_EACH = timedelta(milliseconds=4)
"""Before a clearance is looked through once more, for each of its numbers: so often
that it costs a part in two hundred of a core."""
PAUSES_WHEN_OVER = 20


async def look_on(db: Db, now: datetime, freeze: timedelta, places: int) -> bool:
    """Look up to ``places`` numbers of a clearance that is due; False: none is due.

    Call it from one place at a time. Holders that were confirmed within the ``freeze``
    count.
    """
    found = await fetch_all(db, _DUE, {"now": now})
    if not found:
        return False
    (due,) = found
    values = {
        "clearance": due.id,
        "carrier": due.carrier_id,
        "confirmed": now - freeze,
        "after": due.place,
        "limit": places,
    }
    (looked,) = await fetch_all(db, _LOOK, values)
    is_through = looked.numbers < places
    await db.execute(
        _NOTE,
        {
            "clearance": due.id,
            "place": 0 if is_through else looked.last,
            "due_at": now + _pause(due) if is_through else now,
        },
    )
    return True


def _pause(due: Any) -> timedelta:
    numbers: int = due.numbers
    pause = LEAST_PAUSE + numbers * PAUSE_OF_EACH
    is_over = due.status == ClearanceStatus.COMPLETED.code
    return pause * PAUSES_WHEN_OVER if is_over else pause


_ARE_DUE = f"""
    FROM clearances c
    LEFT JOIN clearance_looks l ON l.clearance_id = c.id
    WHERE c.emptied_at IS NULL AND c.destroyed_at IS NULL
        AND c.status <> {ClearanceStatus.DRAFT.code}
        AND coalesce(l.due_at, '-infinity') <= :now
"""
ANY_TO_LOOK_THROUGH = f"SELECT {_ARE_DUE}"
"""Asks whether ``look_on`` would find a clearance, ``:now``."""

_DUE = sql(
    f"""
    SELECT c.id, c.carrier_id, c.status, c.numbers, coalesce(l.place, 0) AS place
    {_ARE_DUE}
    ORDER BY l.due_at NULLS FIRST, c.id
    LIMIT 1
    """,
    now=INSTANT,
)
_LOOK = sql(
    f"""
    WITH looked AS (
        SELECT n.place, held.id IS NOT NULL AS is_held
        FROM clearance_numbers n
        {HELD_AGAIN}
        WHERE n.clearance_id = :clearance AND n.place > :after
        ORDER BY n.place
        LIMIT :limit
    ), gone AS (
        DELETE FROM clearance_held h USING looked l
        WHERE h.clearance_id = :clearance AND h.place = l.place AND NOT l.is_held
    ), come AS (
        INSERT INTO clearance_held (clearance_id, place)
        SELECT :clearance, place FROM looked WHERE is_held
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS numbers, max(place) AS last FROM looked
    """,
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    after=INT,
    limit=INT,
)
_NOTE = sql(
    """
    INSERT INTO clearance_looks (clearance_id, place, due_at)
    VALUES (:clearance, :place, :due_at)
    ON CONFLICT (clearance_id) DO UPDATE
    SET place = excluded.place, due_at = excluded.due_at
    """,
    clearance=UUID_TYPE,
    place=INT,
    due_at=INSTANT,
)
