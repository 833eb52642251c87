"""Tell carriers what became of clearances; end those of which nothing is waited for."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.clearances import completing, progress
from unbind_broker.clearances.completing import Ended
from unbind_broker.clearances.progress import Tally
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.waves import StoppedClearance
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


async def tell_stopped(
    db: Db, now: datetime, stopped: StoppedClearance, why: StopReason
) -> None:
    """Tell a carrier that its clearance stands still until an administrator decides.

    The contract has no type for that; the nearest one says how a clearance stands.
    """
    counted = await progress.tally(db, stopped.id)
    data = {
        **_named(stopped.id, stopped.reference),
        "status": ClearanceStatus.STOPPED.value,
        "stop_reason": why.value,
        "summary": vars(counted),
        "overdue": [],
    }
    event = EventType.CLEARANCE_COMPLETED
    await tell(db, now, stopped.carrier_id, event, None, data)


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
    return {
        **_named(ended.id, ended.reference),
        "status": ClearanceStatus.COMPLETED.value,
        "stop_reason": None,
        **_outcome(ended, counted),
    }


def _named(clearance_id: UUID, reference: str | None) -> dict[str, object]:
    written = format_id(Prefix.CLEARANCE, clearance_id)
    results = f"/v1/clearances/{written}/results"
    return {"clearance_id": written, "reference": reference, "results": results}


def _outcome(ended: Ended, counted: Tally) -> dict[str, object]:
    return {"summary": vars(counted), "overdue": list(ended.overdue)}
