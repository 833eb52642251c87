"""Read back what was written down."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db


@dataclass(frozen=True)
class Written:
    actor: str
    action: str
    facts: dict[str, Any]


async def trail(db: Db, action: str = "") -> list[Written]:
    """Everything whose action begins like this, in the order of writing."""
    rows = await db.execute(select(audit_events).order_by(audit_events.c.id))
    written = [Written(row.actor, row.action, row.facts) for row in rows]
    return [one for one in written if one.action.startswith(action)]
