"""Let the brake of a rehearsal go by itself: nobody real waits behind it."""

from datetime import datetime, timedelta

from unbind_broker.base.database import INSTANT, TEXT, Db, fetch_all, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.callbacks.braking import let_go

_BROKER = "broker"
_WHY = "a rehearsal goes on by itself"
_OVER = sql(
    """
    SELECT b.carrier_id FROM brakes b
    JOIN carriers c ON c.id = b.carrier_id AND c.sandbox_of IS NOT NULL
    WHERE b.released_at IS NULL AND b.engaged_at <= :before AND b.engaged_by = :broker
    ORDER BY b.carrier_id""",
    before=INSTANT,
    broker=TEXT,
)


async def let_twins_go(db: Db, now: datetime, after: timedelta) -> list[CarrierId]:
    """Release what the broker has braked of twins for so long; return whose.

    What an administrator stopped stays stopped.
    """
    values = {"before": now - after, "broker": _BROKER}
    twins = [CarrierId(row.carrier_id) for row in await fetch_all(db, _OVER, values)]
    for twin in twins:
        await let_go(db, now, twin, _WHY, _BROKER)
    return twins
