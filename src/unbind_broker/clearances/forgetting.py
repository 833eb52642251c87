"""What clearances hold of one number: told or destroyed because somebody asks."""

from typing import Any

from sqlalchemy import Select, delete, exists, select, tuple_, update

from unbind_broker.base.database import Db
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import (
    clearance_findings,
    clearance_numbers,
    clearances,
)

_UNDER_WAY = (ClearanceStatus.IN_PROGRESS, ClearanceStatus.STOPPED)


def clearances_of(number_index: bytes) -> Select[Any]:
    """Say where a number was to be cleared, and whether it was withdrawn."""
    return (
        select(
            clearances.c.id,
            carriers.c.slug.label("carrier"),
            clearances.c.status,
            clearances.c.published_at,
            clearance_numbers.c.disconnected_on,
            clearance_numbers.c.withdrawn_at,
            clearance_numbers.c.withdrawn_for,
        )
        .join(clearances, clearances.c.id == clearance_numbers.c.clearance_id)
        .join(carriers, carriers.c.id == clearances.c.carrier_id)
        .where(clearance_numbers.c.number_index == number_index)
        .order_by(clearances.c.id)
    )


async def is_being_cleared(db: Db, number_index: bytes) -> bool:
    """Tell whether platforms are at work on a number."""
    found = clearances_of(number_index).where(
        clearances.c.status.in_(_UNDER_WAY), clearance_numbers.c.withdrawn_at.is_(None)
    )
    return bool(await db.scalar(select(exists(found))))


async def forget_number(db: Db, number_index: bytes) -> int:
    """Destroy a number in all clearances, and platforms' words about it."""
    forgotten = await db.execute(
        delete(clearance_numbers)
        .where(
            clearance_numbers.c.clearance_id == clearances.c.id,
            clearance_numbers.c.number_index == number_index,
        )
        .returning(clearance_numbers.c.clearance_id, clearance_numbers.c.place)
    )
    places = [tuple(row) for row in forgotten]
    place = tuple_(clearance_findings.c.clearance_id, clearance_findings.c.place)
    if places:
        await db.execute(
            update(clearance_findings).where(place.in_(places)).values(detail=None)
        )
    return len(places)
