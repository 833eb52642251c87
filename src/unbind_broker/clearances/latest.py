# ruff: noqa: S608 - only an enum code is put into the statement
"""Find the newest clearance of a carrier in which a number is."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from unbind_broker.base.database import BYTES, INT, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.states import ClearanceStatus


@dataclass(frozen=True)
class ClearedNumber:
    """Where a number stands in a clearance, and when it was given up."""

    clearance_id: UUID
    place: int
    disconnected_on: date


async def find_latest(
    db: Db, carrier_id: CarrierId, number_index: bytes
) -> ClearedNumber | None:
    """Find where a carrier published a number last; drafts count for nothing."""
    values = {"carrier": carrier_id, "number": number_index}
    row = (await db.execute(_LATEST, values)).one_or_none()
    return None if row is None else ClearedNumber(*row)


# LATERAL with OFFSET keeps Postgres at looking the number up in one clearance after the
# other, the newest first: a carrier makes a few a day.
_LATEST = sql(
    f"""
    SELECT n.clearance_id, n.place, n.disconnected_on
    FROM (
        SELECT id FROM clearances
        WHERE carrier_id = :carrier AND status <> {ClearanceStatus.DRAFT.code}
        ORDER BY id DESC OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT clearance_id, place, disconnected_on FROM clearance_numbers
        WHERE clearance_id = c.id AND number_index = :number OFFSET 0
    ) n
    LIMIT 1""",
    carrier=INT,
    number=BYTES,
)
