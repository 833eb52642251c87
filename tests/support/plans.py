"""Ask Postgres how it would carry out a statement."""

from collections.abc import Mapping

from sqlalchemy import TextClause, text

from unbind_broker.base.database import Db


async def plan_of(db: Db, statement: TextClause, values: Mapping[str, object]) -> str:
    """The plan, one line per step."""
    asked = text(f"EXPLAIN (COSTS OFF) {statement.text}")
    typed = asked.bindparams(*statement._bindparams.values())
    return "\n".join((await db.execute(typed, dict(values))).scalars())
