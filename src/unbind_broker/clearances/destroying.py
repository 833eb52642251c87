# ruff: noqa: S608 - only enum codes are put into statements
"""Destroy the numbers of clearances that are over, a bounded step at a time.

That there were such clearances, and what platforms found by place, stays.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.clearances.held import HELD_BACK
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import (
    clearance_findings,
    clearance_parts,
    clearances,
)


async def destroy_numbers(db: Db, now: datetime, before: datetime, limit: int) -> int:
    """Destroy up to ``limit`` numbers of the oldest clearance made ``before``.

    Drafts that nobody published go with the others, and so does what stands still: held
    back, or stopped with a deadline ``before``. Returns how many it destroyed; 0: there
    are no more.
    """
    found = await db.execute(_OLDEST, {"before": before})
    clearance_id = found.scalar_one_or_none()
    if clearance_id is None:
        return 0
    values = {"clearance": clearance_id, "limit": limit}
    numbers = (await db.execute(_DESTROY, values)).rowcount
    if numbers < limit:
        await _finish(db, now, clearance_id)
    return max(numbers, 1)


async def _finish(db: Db, now: datetime, clearance_id: UUID) -> None:
    """Forget what else its carrier and its platforms wrote."""
    await db.execute(
        delete(clearance_parts).where(clearance_parts.c.clearance_id == clearance_id)
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
        .values(destroyed_at=now, reference=None)
    )
    facts = {"clearance": format_id(Prefix.CLEARANCE, clearance_id)}
    await record(db, now, Fact("broker", "clearance.destroyed", facts=facts))


_OVER = codes_of((ClearanceStatus.DRAFT, ClearanceStatus.COMPLETED))
# In the order of creation, so that it ends at the first one that is too young.
_OLDEST = sql(
    f"""
    SELECT c.id FROM clearances c
    WHERE c.destroyed_at IS NULL AND c.created_at < :before
        AND (c.status IN ({_OVER}) OR c.deadline < :before OR {HELD_BACK})
        AND c.id < uuid7_floor(:before)
    ORDER BY c.id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED""",
    before=INSTANT,
)
_DESTROY = sql(
    """
    DELETE FROM clearance_numbers
    WHERE clearance_id = :clearance AND place IN (
        SELECT place FROM clearance_numbers
        WHERE clearance_id = :clearance
        ORDER BY place
        LIMIT :limit
    )""",
    clearance=UUID_TYPE,
    limit=INT,
)
