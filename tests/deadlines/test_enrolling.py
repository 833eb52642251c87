"""A clock that finds nothing to do leaves nothing behind."""

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from unbind_broker.base.database import sql
from unbind_broker.deadlines.reminding import enrol

_HAS_WRITTEN = sql("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


async def test_nothing_is_written_while_the_log_names_nothing_new(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        await enrol(db, 10)
        await a_carrier(db)  # so that transactions are counted on
    async with engine.begin() as db:
        assert await enrol(db, 10) == 0
        assert (await db.execute(_HAS_WRITTEN)).scalar_one() is False
