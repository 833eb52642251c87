"""What clearances hold of one number: told or destroyed because somebody asks."""

from typing import Any

from sqlalchemy import Select, exists, select

from unbind_broker.base.database import BYTES, Db, fetch_all, sql
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.service import ClearanceBusy
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import clearance_numbers, clearances

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


def places_of(number_index: bytes) -> Select[Any]:
    """Say on which place of each clearance a number stands."""
    return (
        select(clearance_numbers.c.clearance_id, clearance_numbers.c.place)
        .join(clearances, clearances.c.id == clearance_numbers.c.clearance_id)
        .where(clearance_numbers.c.number_index == number_index)
    )


async def is_being_cleared(db: Db, number_index: bytes) -> bool:
    """Tell whether platforms are at work on a number."""
    found = clearances_of(number_index).where(
        clearances.c.status.in_(_UNDER_WAY), clearance_numbers.c.withdrawn_at.is_(None)
    )
    return bool(await db.scalar(select(exists(found))))


async def lock_clearances_of(db: Db, number_index: bytes) -> None:
    """Keep others from changing clearances that hold a number.

    Raises ``ClearanceBusy`` at once where somebody changes one of them just now.
    """
    whose = {"number": number_index}
    locked = {row.id for row in await fetch_all(db, _LOCK, whose)}
    if locked < {row.id for row in await db.execute(clearances_of(number_index))}:
        raise ClearanceBusy("a clearance that holds the number is changed; try again")


async def forget_number(db: Db, number_index: bytes) -> int:
    """Destroy a number in all clearances, and platforms' words about it.

    They count it no more. The caller has locked them.
    """
    forgotten = await db.execute(_FORGET, {"number": number_index})
    count: int = forgotten.scalar_one()
    return count


# Each clearance is looked at for the number, by the index that has both.
_LOCK = sql(
    """
    SELECT c.id FROM clearances c
    CROSS JOIN LATERAL (
        SELECT place FROM clearance_numbers
        WHERE clearance_id = c.id AND number_index = :number OFFSET 0
    ) n
    ORDER BY c.id
    FOR NO KEY UPDATE OF c SKIP LOCKED""",
    number=BYTES,
)
# A wave counts what was there when the clearance was published.
_FORGET = sql(
    """
    WITH found AS (
        SELECT c.id, n.place, c.published_at IS NOT NULL
                AND coalesce(n.withdrawn_at > c.published_at, true) AS is_in_wave
        FROM clearances c
        CROSS JOIN LATERAL (
            SELECT place, withdrawn_at FROM clearance_numbers
            WHERE clearance_id = c.id AND number_index = :number OFFSET 0
        ) n
    ), gone AS (
        DELETE FROM clearance_numbers n USING found f
        WHERE n.clearance_id = f.id AND n.place = f.place
    ), whole AS (
        UPDATE clearances c SET numbers = c.numbers - 1
        FROM found f
        WHERE c.id = f.id AND c.destroyed_at IS NULL
    ), parts AS (
        UPDATE clearance_parts p SET accepted = p.accepted - 1
        FROM found f
        WHERE p.clearance_id = f.id
            AND f.place BETWEEN p.first_place AND p.last_place
    ), waves AS (
        UPDATE clearance_waves w SET numbers = w.numbers - 1
        FROM found f
        WHERE w.clearance_id = f.id AND f.is_in_wave
            AND f.place BETWEEN w.first_place AND w.last_place
    ), words AS (
        UPDATE clearance_findings w SET detail = NULL
        FROM found f
        WHERE w.clearance_id = f.id AND w.place = f.place AND w.detail IS NOT NULL
    )
    SELECT count(*) FROM found""",
    number=BYTES,
)
