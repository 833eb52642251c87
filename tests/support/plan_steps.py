"""Carry a statement out under ``EXPLAIN`` and tell what it read, step by step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause

from unbind_broker.base.database import Db

_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON)"


@dataclass(frozen=True)
class Step:
    """One step of a plan: how much it looked at, what it discarded among it.

    ``blocks`` are those of the steps below, too. ``compares`` each row of its one side
    with each of its other side; a scan that is not ``bound`` has no condition.
    """

    kind: str
    index: str
    relation: str
    rows: int
    blocks: int
    compares: bool
    bound: bool


async def steps_of(
    db: Db, statement: TextClause, values: Mapping[str, object], *, generic: bool
) -> list[Step]:
    """Carry ``statement`` out, undo it, and return its steps.

    ``generic``: by the plan that serves any values, which Postgres may turn to once a
    connection has run a statement five times.
    """
    compiled = statement.compile(dialect=db.dialect)
    names = compiled.positiontup or []
    given = ", ".join(_literal(values[name]) for name in names)
    mode = "force_generic_plan" if generic else "force_custom_plan"
    driver: Any = (await db.get_raw_connection()).driver_connection
    undone = await db.begin_nested()
    try:
        await driver.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await driver.execute(f"PREPARE asked AS {compiled}")
        call = f"EXECUTE asked({given})" if given else "EXECUTE asked"
        found = await driver.fetchval(f"{_EXPLAIN} {call}")
    finally:
        await undone.rollback()
    await driver.execute("DEALLOCATE asked")
    return list(_walk(found[0]["Plan"]))


def _literal(value: object) -> str:
    """Write a value so that Postgres reads it as the type that it expects."""
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        parts = ",".join("NULL" if one is None else _element(one) for one in value)
        return f"'{{{parts}}}'"
    return f"'{_word(value)}'"


def _element(value: object) -> str:
    word = _word(value)
    quoted = word.replace('"', '\\"') if isinstance(value, str) else word
    return f'"{quoted}"'


def _word(value: object) -> str:
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _walk(node: dict[str, Any]) -> Iterator[Step]:
    loops = node["Actual Loops"]
    discarded = node.get("Rows Removed by Filter", 0)
    discarded += node.get("Rows Removed by Join Filter", 0)
    yield Step(
        kind=node["Node Type"],
        index=node.get("Index Name", ""),
        relation=node.get("Relation Name", ""),
        rows=round((node["Actual Rows"] + discarded) * loops),
        blocks=node["Shared Hit Blocks"] + node["Shared Read Blocks"],
        compares=node["Node Type"] == "Nested Loop" and "Join Filter" in node,
        bound="Index Cond" in node or "Recheck Cond" in node,
    )
    for below in node.get("Plans", ()):
        yield from _walk(below)
