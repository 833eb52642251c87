"""End clearances of which nothing more is waited for, and tell their carriers."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.clearances import completing, progress
from unbind_broker.clearances.completing import Ended
from unbind_broker.clearances.progress import Tally
from unbind_broker.endpoints.events import EventType
from unbind_broker.notices.telling import tell


async def end_if_done(db: Db, now: datetime, clearance_id: UUID) -> bool:
    """End a clearance whose last platform may have reported just now.

    Call it in a transaction of its own, after the report has committed: then of reports
    that race the last one sees them all.
    """
    done = await completing.lock_done(db, now, [clearance_id])
    await _end(db, now, done)
    return bool(done)


async def end_done(db: Db, now: datetime, limit: int) -> int:
    """End up to ``limit`` clearances that are done or overdue; count them."""
    done = await completing.find_done(db, now, limit)
    await _end(db, now, done)
    return len(done)


async def _end(db: Db, now: datetime, ids: Collection[UUID]) -> None:
    for ended in await completing.complete(db, now, ids):
        counted = await progress.tally(db, ended.id)
        data = _data(ended, counted)
        event = EventType.CLEARANCE_COMPLETED
        await tell(db, now, ended.carrier_id, event, None, data)
        overdue = {"overdue_sensitive": ended.overdue_sensitive}
        facts = {"clearance": data["clearance_id"], **_outcome(ended, counted)}
        await record(
            db, now, Fact("broker", "clearance.completed", facts={**facts, **overdue})
        )


def _data(ended: Ended, counted: Tally) -> dict[str, object]:
    written = format_id(Prefix.CLEARANCE, ended.id)
    return {
        "clearance_id": written,
        "reference": ended.reference,
        **_outcome(ended, counted),
        "results": f"/v1/clearances/{written}/results",
    }


def _outcome(ended: Ended, counted: Tally) -> dict[str, object]:
    return {"summary": vars(counted), "overdue": list(ended.overdue)}
