# ruff: noqa: S608 - only enum codes are put into statements
"""Destroy the numbers of clearances that are over, a bounded step at a time.

That there were such clearances, and what platforms found by place, stays.
"""

from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, update

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.clearances.held import HELD_BACK
from unbind_broker.clearances.progress import count_finally
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import (
    clearance_findings,
    clearance_held,
    clearance_looks,
    clearance_parts,
    clearances,
)


class Ages(NamedTuple):
    """What is destroyed: clearances made before, drafts that nobody touched since."""

    made_before: datetime
    untouched_since: datetime


async def destroy_numbers(db: Db, now: datetime, ages: Ages, limit: int) -> int:
    """Destroy up to ``limit`` numbers of the oldest clearance that is old enough.

    Whatever stands still goes with what is over: held back, or stopped with a deadline
    as old. From the first step on nobody changes it any more. Returns how many it
    destroyed; 0: there are no more.
    """
    found = await db.execute(_BEGUN)
    clearance_id = found.scalar_one_or_none()
    if clearance_id is None:
        clearance_id = await _begin(db, now, ages)
    if clearance_id is None:
        return 0
    values = {"clearance": clearance_id, "limit": limit}
    numbers = (await db.execute(_DESTROY, values)).rowcount
    if numbers < limit:
        await _finish(db, now, clearance_id)
    return max(numbers, 1)


async def _begin(db: Db, now: datetime, ages: Ages) -> UUID | None:
    """Take the oldest clearance from everybody, and count once more what it holds."""
    found = await db.execute(_OLDEST, ages._asdict())
    clearance_id: UUID | None = found.scalar_one_or_none()
    if clearance_id is not None:
        counts = asdict(await count_finally(db, clearance_id))
        await db.execute(
            update(clearances)
            .where(clearances.c.id == clearance_id)
            .values(destroyed_at=now, final_counts=counts)
        )
    return clearance_id


async def _finish(db: Db, now: datetime, clearance_id: UUID) -> None:
    """Forget what else its carrier and its platforms wrote."""
    await db.execute(
        delete(clearance_parts).where(clearance_parts.c.clearance_id == clearance_id)
    )
    await db.execute(
        delete(clearance_held).where(clearance_held.c.clearance_id == clearance_id)
    )
    await db.execute(
        delete(clearance_looks).where(clearance_looks.c.clearance_id == clearance_id)
    )
    await db.execute(
        update(clearance_findings)
        .where(
            clearance_findings.c.clearance_id == clearance_id,
            clearance_findings.c.detail.is_not(None),
        )
        .values(detail=None)
    )
    await db.execute(
        update(clearances)
        .where(clearances.c.id == clearance_id)
        .values(emptied_at=now, reference=None)
    )
    facts = {"clearance": format_id(Prefix.CLEARANCE, clearance_id)}
    await record(db, now, Fact("broker", "clearance.destroyed", facts=facts))


_OVER = codes_of((ClearanceStatus.COMPLETED,))
_DRAFT = codes_of((ClearanceStatus.DRAFT,))
_BEGUN = sql(
    """
    SELECT id FROM clearances
    WHERE emptied_at IS NULL AND destroyed_at IS NOT NULL
    ORDER BY id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED"""
)
# In the order of creation, so that it ends at the first one that is too young.
_OLDEST = sql(
    f"""
    SELECT c.id FROM clearances c
    WHERE c.emptied_at IS NULL AND c.destroyed_at IS NULL AND (
        (c.created_at < :made_before AND (
            c.status IN ({_OVER}, {_DRAFT}) OR c.deadline < :made_before OR {HELD_BACK}
        )) OR (c.status = {_DRAFT} AND c.created_at < :untouched_since AND NOT EXISTS (
            SELECT FROM clearance_parts p
            WHERE p.clearance_id = c.id AND p.at >= :untouched_since
        ))
    ) AND c.id < uuid7_floor(greatest(:made_before, :untouched_since))
    ORDER BY c.id
    LIMIT 1
    FOR NO KEY UPDATE OF c SKIP LOCKED""",
    made_before=INSTANT,
    untouched_since=INSTANT,
)
# What is chosen names its clearance, see ``publishing``.
_DESTROY = sql(
    """
    DELETE FROM clearance_numbers n
    USING (
        SELECT clearance_id, max(place) AS last FROM (
            SELECT clearance_id, place FROM clearance_numbers
            WHERE clearance_id = :clearance
            ORDER BY place
            LIMIT :limit
        ) chosen
        GROUP BY clearance_id
    ) first
    WHERE n.clearance_id = first.clearance_id AND n.place <= first.last""",
    clearance=UUID_TYPE,
    limit=INT,
)
