"""Write down who did what to whom, in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert

from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7


@dataclass(frozen=True)
class Fact:
    """One thing that happened.

    ``actor`` is ``carrier:slug``, ``platform:slug``, ``admin:key-id``, ``worker:id``,
    ``command-line`` or ``broker``. ``facts`` holds plain JSON and never a number, a
    secret or a free text of the holder.
    """

    actor: str
    action: str
    order_id: UUID | None = None
    number_index: bytes | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


async def record(db: Db, now: datetime, *facts: Fact) -> None:
    """Append ``facts``; they stand or fall with the caller's transaction."""
    if not facts:
        return
    await db.execute(
        insert(audit_events),
        [
            {
                "id": new_uuid7(now),
                "at": now,
                "actor": fact.actor,
                "action": fact.action,
                "order_id": fact.order_id,
                "number_index": fact.number_index,
                "facts": dict(fact.facts),
            }
            for fact in facts
        ],
    )
