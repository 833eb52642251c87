# ruff: noqa: S608 - the tests' own numbers are put into statements
"""Taking a million numbers in reads each number's own rows, and nothing whole."""

from datetime import timedelta
from uuid import UUID

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
    blocking,
    forgetting,
    later_holders,
    manifest,
    overriding,
    parts,
    publishing,
    results,
    waves,
    withdrawing,
)
from unbind_broker.clearances.service import add_draft
from unbind_broker.clearances.states import WithdrawnFor

NUMBERS = 4000
SMALL = {
    "platforms",
    "carriers",
    "brakes",
    "clearances",
    "clearance_waves",
    "clearance_looks",
}
"""Tables that hold few rows beside numbers and holdings."""


async def a_past(db: Db) -> UUID:
    """Two clearances of 4,000 numbers, and as many holdings of others."""
    carrier = await a_carrier(db)
    ids = [new_uuid7(NOON) for _ in range(2)]
    for clearance in ids:
        await add_draft(db, NOON, clearance, carrier.id, None)
        filling = sql(
            "INSERT INTO clearance_numbers (clearance_id, place, number_index,"
            " number_sealed, disconnected_on) SELECT :clearance, g,"
            " sha256(g::text::bytea), '\\x01', '2026-01-01'"
            f" FROM generate_series(1, {NUMBERS}) g",
            clearance=UUID_TYPE,
        )
        await db.execute(filling, {"clearance": clearance})
    await db.execute(
        text(
            "INSERT INTO holdings (number_index, carrier_id, began, confirmed_at,"
            " recorded_at) SELECT sha256((g + 3000)::text::bytea), 1, 2, now(), now()"
            f" FROM generate_series(1, {NUMBERS}) g"
        )
    )
    for table in ("clearance_numbers", "holdings"):
        await db.execute(text(f"ANALYZE {table}"))
    return ids[0]


EACH, PLACES, HELD = (
    "clearance_numbers_one_of_each",
    "clearance_numbers_pkey",
    "holdings_by_number",
)
HELD_UNTIL = ("usual", "rehearsed", "least")
HOT: dict[str, tuple[TextClause, set[str]]] = {
    "take": (parts._TAKE, {EACH, HELD}),
    "refuse held": (publishing._REFUSE_HELD, {PLACES, HELD}),
    "manifest": (manifest._READ, {PLACES, HELD}),
    "results": (results._NUMBERS, {PLACES, HELD}),
    "look for holders": (later_holders._LOOK, {PLACES, HELD}),
    "due to be looked through": (later_holders._DUE, set()),
    "override": (overriding._FIND, {EACH, PLACES, HELD}),
    "kept back": (blocking._BLOCKED, {PLACES, "clearance_findings_standing"}),
    "withdraw": (withdrawing._WITHDRAW, {EACH}),
    "withdraw resumed": (withdrawing._WITHDRAW_RESUMED, {EACH}),
    "find drafts": (withdrawing._LOCK_DRAFTS, {EACH}),
    "find published": (withdrawing._LOCK_PUBLISHED, {EACH}),
    "find the forgotten": (forgetting._LOCK, {EACH}),
    "forget": (forgetting._FORGET, {EACH, PLACES}),
    "due": (waves._DUE, set()),
    "give held time": (waves._GIVE_HELD_TIME, set()),
}


@pytest.mark.parametrize("generic", [False, True])
@pytest.mark.parametrize("name", HOT)
async def test_a_statement_reads_the_rows_of_its_numbers_only(
    engine: AsyncEngine, name: str, *, generic: bool
) -> None:
    statement, indexes = HOT[name]
    async with engine.connect() as db, db.begin():
        clearance = await a_past(db)
        values = {
            "clearance": clearance,
            "clearances": [clearance],
            "number": bytes(32),
            "carrier": 1,
            "confirmed": NOON,
            "behind": NUMBERS - 20 if name == "refuse held" else NUMBERS,
            "after": NUMBERS - 20,
            "last": NUMBERS,
            "lines": [*range(1, 21)],
            "places": [*range(1, 21)],
            "indexes": [bytes([n] * 32) for n in range(20)],
            "sealed": [b"\x01"] * 20,
            "days": [20_000] * 20,
            "now": NOON + timedelta(hours=1),
            "why": WithdrawnFor.BY_CARRIER.code,
            **{one: NOON + timedelta(days=30) for one in HELD_UNTIL},
            "limit": 20,
        }
        named = {one: values[one] for one in statement.compile().params}
        steps = await steps_of(db, statement, named, generic=generic)
    assert indexes <= {step.index for step in steps}
    for step in steps:
        assert step.relation in SMALL or step.rows <= 200, step
