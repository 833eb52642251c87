# ruff: noqa: S608 - the tests' own numbers are put into statements
"""A million numbers that Postgres has not counted yet are not read whole.

It knows nothing of a clearance that came after it looked at its tables last, and takes
it for a small one: then reading all of it for each number seems as good as anything.
"""

from datetime import timedelta

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.plan_steps import steps_of
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import new_uuid7
from unbind_broker.clearances import (
    destroying,
    findings,
    forgetting,
    later_holders,
    manifest,
    parts,
    progress,
    publishing,
    resealing,
    results,
    withdrawing,
)
from unbind_broker.clearances.states import WithdrawnFor

OLD, NEW = new_uuid7(NOON), new_uuid7(NOON)
MANY = 4000
FEW = 20
_NUMBERS = f"""
    INSERT INTO clearance_numbers
        (clearance_id, place, number_index, number_sealed, disconnected_on)
    SELECT :clearance, n, sha256(n::text::bytea), '\\x01', '2026-01-01'
    FROM generate_series(1, {MANY}) n"""
_BESIDES = f"""
    INSERT INTO clearances (id, carrier_id, status, created_at, published_at,
        deadline, numbers)
    VALUES (:clearance, 99, 2, now(), now(), now(), {MANY});
    INSERT INTO clearance_waves (clearance_id, wave, notice_id, first_place,
        last_place, numbers, due_at, published_at)
    VALUES (:clearance, 1, gen_random_uuid(), 1, {MANY}, {MANY}, now(), now());
    INSERT INTO clearance_findings
        (clearance_id, platform_id, place, outcome, reason, at)
    SELECT :clearance, p, n, 16, 2, now()
    FROM generate_series(1, 2) p, generate_series(1, {FEW}) n;
    INSERT INTO clearance_held (clearance_id, place)
    SELECT :clearance, n FROM generate_series(1, {FEW}) n"""


async def a_new_clearance(db: Db) -> None:
    """One that came after the tables were looked at; others hold all its numbers."""
    carrier = await a_carrier(db)
    await db.execute(sql(_NUMBERS, clearance=UUID_TYPE), {"clearance": OLD})
    await db.execute(text("ANALYZE clearance_numbers"))
    for statement in (_NUMBERS, *_BESIDES.split(";")):
        await db.execute(sql(statement, clearance=UUID_TYPE), {"clearance": NEW})
    await db.execute(
        text(
            "INSERT INTO holdings (number_index, carrier_id, began, confirmed_at,"
            " recorded_at) SELECT sha256(n::text::bytea), :holder, 2, now(), now()"
            f" FROM generate_series(1, {MANY}) n"
        ),
        {"holder": carrier.id},
    )


STATEMENTS: dict[str, TextClause] = {
    "refuse held": publishing._REFUSE_HELD,
    "withdraw": withdrawing._WITHDRAW,
    "withdraw resumed": withdrawing._WITHDRAW_RESUMED,
    "forget": forgetting._FORGET,
    "destroy": destroying._DESTROY,
    "seal anew": resealing._WRITE,
    "take": parts._TAKE,
    "manifest": manifest._READ,
    "results": results._NUMBERS,
    "look for holders": later_holders._LOOK,
    "look at findings": findings._LOOK_UP,
    "look to seal anew": resealing._LOOK,
    "where waves end": publishing._COUNT,
    "count the whole": progress._WHOLE,
    "count by wave": progress._WAVES,
}


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
async def test_statements_read_few_numbers_of_a_clearance_postgres_knows_nothing_of(
    engine: AsyncEngine, *, generic: bool
) -> None:
    async with engine.connect() as db, db.begin():
        await a_new_clearance(db)
        values = await some_values(db)
        read = {
            name: [
                step
                for step in await steps_of(db, statement, values[name], generic=generic)
                if step.rows > 10 * FEW
            ]
            for name, statement in STATEMENTS.items()
        }
    assert {name: steps for name, steps in read.items() if steps} == {}


async def some_values(db: Db) -> dict[str, dict[str, object]]:
    """Values of each statement's parameters: it is about few numbers."""
    index = (await db.execute(text("SELECT sha256('7'::bytea)"))).scalar_one()
    values: dict[str, object] = {
        "clearance": NEW,
        "clearances": [NEW],
        "carrier": 99,
        "platform": 1,
        "confirmed": NOON,
        "now": NOON + timedelta(hours=1),
        "why": WithdrawnFor.BY_CARRIER.code,
        "behind": 0,
        "after": 0,
        "first": FEW,
        "last": FEW,
        "limit": FEW,
        "number": index,
        "indexes": [index, *(bytes([n] * 32) for n in range(1, FEW))],
        "header": b"\x02",
        "lines": [*range(FEW)],
        "days": [20_000] * FEW,
        "sealed": [b"\x01"] * FEW,
        "places": [*range(1, FEW + 1)],
        "old": [b"\x01"] * FEW,
        "new": [b"\x02"] * FEW,
    }
    named = {
        name: {one: values[one] for one in statement.compile().params}
        for name, statement in STATEMENTS.items()
    }
    named["take"]["behind"] = MANY
    return named
