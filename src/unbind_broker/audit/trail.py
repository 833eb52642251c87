"""Write down who did what to whom, in the transaction that does it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import BYTESES, INSTANT, TEXTS, UUIDS, Db, sql
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
        _RECORD,
        {
            "at": now,
            "ids": [new_uuid7(now) for _ in facts],
            "actors": [fact.actor for fact in facts],
            "actions": [fact.action for fact in facts],
            "orders": [fact.order_id for fact in facts],
            "numbers": [fact.number_index for fact in facts],
            "facts": [json.dumps(dict(fact.facts)) for fact in facts],
        },
    )


_RECORD = sql(
    """
    INSERT INTO audit_events (id, at, actor, action, order_id, number_index, facts)
    SELECT e.id, :at, e.actor, e.action, e.order_id, e.number_index, e.facts::jsonb
    FROM unnest(:ids, :actors, :actions, :orders, :numbers, :facts)
        AS e (id, actor, action, order_id, number_index, facts)""",
    at=INSTANT,
    ids=UUIDS,
    actors=TEXTS,
    actions=TEXTS,
    orders=UUIDS,
    numbers=BYTESES,
    facts=TEXTS,
)
