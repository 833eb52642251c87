"""Plan a statement, or carry it out, and tell what each step reads."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause

from unbind_broker.base.database import Db

_CARRY_OUT = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON)"
_PLAN = "EXPLAIN (FORMAT JSON)"
_LEADING = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true)
    FROM pg_index
"""


@dataclass(frozen=True)
class Step:
    """One step of a plan: how much it looked at, what it discarded among it.

    ``table`` is the ``relation``, or that for which a bitmap is made of an index.
    ``blocks`` are those of the steps below, too. ``compared`` are the tables below it,
    if it holds each row of its one side against each of its other side, which it does
    not look up. ``reads_all``: no condition on the first column of its index bounds
    what it reads.
    """

    kind: str
    index: str
    relation: str
    table: str
    rows: int
    blocks: int
    compared: frozenset[str]
    reads_all: bool


async def steps_of(
    db: Db, statement: TextClause, values: Mapping[str, object], *, generic: bool
) -> list[Step]:
    """Carry ``statement`` out, undo it, and return its steps.

    ``generic``: by the plan that serves any values, which Postgres may turn to once a
    connection has run a statement five times.
    """
    mode = "force_generic_plan" if generic else "force_custom_plan"
    return await _explain(db, _CARRY_OUT, mode, statement, values)


async def planned(
    db: Db, statement: TextClause, values: Mapping[str, object]
) -> list[Step]:
    """Return the steps of the plan for any values; none of them looks at anything."""
    return await _explain(db, _PLAN, "force_generic_plan", statement, values)


async def _explain(
    db: Db,
    explain: str,
    mode: str,
    statement: TextClause,
    values: Mapping[str, object],
) -> list[Step]:
    compiled = statement.compile(dialect=db.dialect)
    names = compiled.positiontup or []
    given = ", ".join(_literal(values[name]) for name in names)
    driver: Any = (await db.get_raw_connection()).driver_connection
    undone = await db.begin_nested()
    try:
        await driver.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await driver.execute(f"PREPARE asked AS {compiled}")
        call = f"EXECUTE asked({given})" if given else "EXECUTE asked"
        found = await driver.fetchval(f"{explain} {call}")
    finally:
        await undone.rollback()
    await driver.execute("DEALLOCATE asked")
    leading = dict(await driver.fetch(_LEADING))
    return list(_walk(found[0]["Plan"], leading))


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


def _walk(
    node: dict[str, Any], leading: Mapping[str, str], above: str = ""
) -> Iterator[Step]:
    """Give a step, and those below it; ``above`` is the table of the step above."""
    relation = node.get("Relation Name", "")
    table = relation or (above if "Bitmap" in node["Node Type"] else "")
    loops = node.get("Actual Loops", 0)
    discarded = node.get("Rows Removed by Filter", 0)
    discarded += node.get("Rows Removed by Join Filter", 0)
    compares = (
        node["Node Type"] == "Nested Loop"
        and "Join Filter" in node
        and not _is_looked_up(_inner(node), leading)
    )
    yield Step(
        kind=node["Node Type"],
        index=node.get("Index Name", ""),
        relation=relation,
        table=table,
        rows=round((node.get("Actual Rows", 0) + discarded) * loops),
        blocks=node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0),
        compared=frozenset(_tables_of(node) if compares else ()),
        reads_all="Index Name" in node and not _is_bound(node, leading),
    )
    for below in node.get("Plans", ()):
        yield from _walk(below, leading, table)


def _inner(join: dict[str, Any]) -> dict[str, Any]:
    """Find the side that is read for each row of the other, behind any sub-plans."""
    sides = {below["Parent Relationship"]: below for below in join["Plans"]}
    inner: dict[str, Any] = sides["Inner"]
    return inner


def _tables_of(node: dict[str, Any]) -> Iterator[str]:
    if "Relation Name" in node:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _tables_of(below)


def _is_looked_up(node: dict[str, Any], leading: Mapping[str, str]) -> bool:
    if node["Node Type"] in ("Append", "Result", "Bitmap Heap Scan"):
        return all(_is_looked_up(below, leading) for below in node.get("Plans", ()))
    return "Index Name" in node and _is_bound(node, leading)


def _is_bound(node: dict[str, Any], leading: Mapping[str, str]) -> bool:
    """Tell by the first condition, as they are written in the order of the columns."""
    first = node.get("Index Cond", "").lstrip("(")
    column = re.escape(leading[node["Index Name"]])
    return re.match(rf"(ROW\()?{column}(?!\w)", first) is not None
