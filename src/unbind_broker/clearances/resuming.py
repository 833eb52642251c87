# ruff: noqa: S608 - only enum codes are put into statements
"""An administrator lets a clearance go on that had stopped."""

from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import INSTANT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.clearances import waves
from unbind_broker.clearances.overriding import Decision
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO


async def resume(
    db: Db, now: datetime, clearance_id: UUID, deadline: datetime, decision: Decision
) -> bool:
    """Let its waves go out, and tell platforms again; False if it does not stand still.

    They get the time that they would have if it were published now. What tells of it is
    a new occasion: the same ``webhook-id`` once more would be taken for a repetition.
    """
    if not await waves.resume(db, now, clearance_id):
        return False
    await waves.give_time(db, clearance_id, deadline)
    occasion = {"now": now, "occasion": new_uuid7(now)}
    told = await db.execute(_TELL_AGAIN, {"clearance": clearance_id, **occasion})
    facts = {
        "clearance": format_id(Prefix.CLEARANCE, clearance_id),
        "why": decision.why,
        "told": told.rowcount,
    }
    await record(db, now, Fact(decision.actor, "clearance.resumed", facts=facts))
    return True


_TELL_AGAIN = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt, occasion)
    SELECT e.id, :now, {EventType.CLEARANCE_PUBLISHED.code}, w.notice_id, 0, :occasion
    FROM clearance_platforms c
    JOIN clearance_waves w ON w.clearance_id = c.clearance_id AND w.wave = c.wave
    JOIN endpoints e ON e.platform_id = c.platform_id AND {POSTED_TO}
    WHERE c.clearance_id = :clearance AND c.complete_at IS NULL
    ORDER BY e.id, w.notice_id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING
    """,
    clearance=UUID_TYPE,
    now=INSTANT,
    occasion=UUID_TYPE,
)
