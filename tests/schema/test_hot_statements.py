"""Statements that run all the time read what they need and no more, however many rows.

Each is carried out on large tables, by the plan for its values and by that for any.
"""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.schema.all_hot import all_of
from tests.schema.large_tables import Past, fill
from tests.support.database import Server
from tests.support.plan_steps import Step, steps_of
from unbind_broker.base.database import open_engine

MOST_ROWS = 3_000
"""No step looks at more; the tables have more, and items 40,000."""
MOST_UNINDEXED = 300
"""As many rows of a small table may be read without an index."""


@pytest.fixture(scope="module")
async def large(server: Server) -> AsyncIterator[tuple[AsyncConnection, Past]]:
    """One transaction on a database of its own, in which nothing is committed."""
    async with server.fresh() as url:
        engine = open_engine(url, pool=1, application="tests")
        async with engine.connect() as db, db.begin():
            yield db, await fill(db)
        await engine.dispose()


async def test_hot_statements_read_no_more_than_they_need(
    large: tuple[AsyncConnection, Past],
) -> None:
    db, past = large
    faults = {}
    for name, hot in all_of(past).items():
        for generic in (False, True):
            steps = await steps_of(db, hot.statement, hot.values, generic=generic)
            if found := _faults(steps, hot.indexes):
                faults[name, generic] = found
    assert faults == {}, "\n".join(map(str, faults.items()))


def _faults(steps: list[Step], indexes: tuple[str, ...]) -> list[str]:
    used = {step.index for step in steps}
    faults = [f"{index} is not used" for index in indexes if index not in used]
    for step in steps:
        unindexed = step.kind == "Seq Scan" and step.rows > MOST_UNINDEXED
        if unindexed or step.rows > MOST_ROWS:
            where = step.index or step.relation
            faults.append(f"{step.kind} {where} looks at {step.rows} rows")
    return faults
