"""What was ever recorded, from the audit trail."""

from collections import Counter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_OUTCOMES = text(
    "SELECT outcome.key, sum(outcome.value::int) FROM audit_events event, "
    "jsonb_each_text(event.facts -> 'outcomes') outcome "
    "WHERE event.action = 'results.reported' GROUP BY 1"
)


async def count_recorded(engine: AsyncEngine) -> Counter[str]:
    """Count every outcome that was ever recorded, as often as it was."""
    async with engine.connect() as db:
        rows = (await db.execute(_OUTCOMES)).all()
    return Counter({str(outcome): int(count) for outcome, count in rows})
