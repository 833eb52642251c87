"""Hot statements about clearances read what they need, and nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from tests.support.clock import NOON
from tests.support.plan_steps import steps_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.clearances import findings, manifest, progress, results, waves

MANY = 5000
ONE = new_uuid7(NOON)
WHOSE = {"clearance": ONE, "carrier": 1, "confirmed": NOON}
OTHERS = [new_uuid7(NOON) for _ in range(3)]
_FILL = """
    INSERT INTO clearance_numbers
        (clearance_id, place, number_index, number_sealed, disconnected_on)
    SELECT c, n, sha256((c::text || n)::bytea), '', '2026-08-20'
    FROM unnest(CAST(:ids AS uuid[])) c, generate_series(1, :many) n;
    INSERT INTO clearance_findings
        (clearance_id, platform_id, place, outcome, reason, at)
    SELECT c, p, n, 12, CASE WHEN n % 50 = 0 THEN 5 END, now()
    FROM unnest(CAST(:ids AS uuid[])) c, generate_series(1, 2) p,
        generate_series(1, :many) n;
    INSERT INTO clearance_waves (clearance_id, wave, notice_id, first_place,
        last_place, numbers, due_at, published_at)
    SELECT c, 1, gen_random_uuid(), 1, :many, :many, now(), now()
    FROM unnest(CAST(:ids AS uuid[])) c;
    INSERT INTO clearances (id, carrier_id, status, created_at, published_at,
        deadline, numbers)
    SELECT c, 1, 2, now(), now(), now(), :many FROM unnest(CAST(:ids AS uuid[])) c;
    INSERT INTO clearance_platforms (clearance_id, platform_id, wave)
    SELECT c, p, 1 FROM unnest(CAST(:ids AS uuid[])) c, generate_series(1, 50) p
"""


@pytest.fixture
async def full(db: Db) -> Db:
    """Four clearances; of fifty findings one stands in a number's way."""
    for statement in _FILL.split(";"):
        values = {"ids": [ONE, *OTHERS], "many": MANY}
        used = {name: one for name, one in values.items() if f":{name}" in statement}
        await db.execute(text(statement), used)
    for table in ("numbers", "findings", "waves", "platforms"):
        await db.execute(text(f"ANALYZE clearance_{table}"))
    return db


async def an_index(db: Db, place: int) -> bytes:
    found = await db.execute(
        text("SELECT number_index FROM clearance_numbers WHERE place = :place LIMIT 1"),
        {"place": place},
    )
    return bytes(found.scalar_one())


async def most_read(
    db: Db, statement: TextClause, values: Mapping[str, Any], table: str
) -> int:
    """The most rows of a table that a step looks at, by either kind of plan."""
    most = 0
    for generic in (False, True):
        steps = await steps_of(db, statement, values, generic=generic)
        assert "Seq Scan" not in {step.kind for step in steps if step.relation == table}
        most = max([most, *(one.rows for one in steps if one.relation == table)])
    return most


async def test_a_page_of_the_manifest_reads_its_numbers(full: Db) -> None:
    values = {**WHOSE, "after": 2000, "last": MANY, "limit": 100}
    assert await most_read(full, manifest._READ, values, "clearance_numbers") <= 101


async def test_findings_look_up_their_numbers_only(full: Db) -> None:
    indexes = [await an_index(full, place) for place in (1, 2, 3)]
    values = {"clearance": ONE, "platform": 1, "indexes": indexes}
    for table in ("clearance_numbers", "clearance_findings"):
        assert await most_read(full, findings._LOOK_UP, values, table) <= 3


async def test_results_read_findings_that_stand_in_the_way_only(full: Db) -> None:
    borders = {"clearance": ONE, "after": 1000, "last": 3000}
    most = await most_read(full, results._BLOCKERS, borders, "clearance_findings")
    assert most <= 2 * 2000 // 50
    page = {**WHOSE, "after": 1000, "limit": 2000}
    assert await most_read(full, results._NUMBERS, page, "clearance_numbers") <= 2001


async def test_progress_and_the_stop_read_findings_that_stand_only(full: Db) -> None:
    whole = {"clearance": ONE}
    for statement in (progress._WAVES, waves._IN_USE):
        most = await most_read(full, statement, whole, "clearance_findings")
        assert most <= 2 * MANY // 50


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_counts_read_those_of_the_numbers_that_are_held_again(
    full: Db, *, is_analyzed: bool
) -> None:
    held = "INSERT INTO clearance_held SELECT :one, n FROM generate_series(1, 20) n"
    await full.execute(text(held), {"one": ONE})
    if is_analyzed:
        await full.execute(text("ANALYZE clearance_held"))
    for statement in (progress._WHOLE, progress._WAVES):
        whole = {"clearance": ONE}
        most = await most_read(full, statement, whole, "clearance_numbers")
        assert most <= 2 * MANY // 50
