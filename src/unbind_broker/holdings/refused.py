"""How often a carrier was refused, day by day, because of somebody else's holding."""

from datetime import date

from sqlalchemy import Date, select

from unbind_broker.base.database import INT, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.tables import holding_refusals


async def count(db: Db, carrier_id: CarrierId, day: date, many: int) -> int:
    """Add to a carrier's refusals of a day, and return how many they are now.

    Others of the same carrier wait for this transaction: count at its end.
    """
    values = {"carrier": carrier_id, "day": day, "many": many}
    return int((await db.execute(_COUNT, values)).scalar_one())


async def refused_on(db: Db, day: date) -> dict[CarrierId, int]:
    """Read how often each carrier was refused on a day; others were not."""
    found = await db.execute(
        select(holding_refusals.c.carrier_id, holding_refusals.c.refused).where(
            holding_refusals.c.day == day
        )
    )
    return {CarrierId(row.carrier_id): row.refused for row in found}


_COUNT = sql(
    """
    INSERT INTO holding_refusals AS r (carrier_id, day, refused)
    VALUES (:carrier, :day, :many)
    ON CONFLICT (carrier_id, day) DO UPDATE SET refused = r.refused + :many
    RETURNING refused""",
    carrier=INT,
    day=Date(),
    many=INT,
)
