"""What the service tells Postgres to accept an order, as a script for pgbench.

One order is accepted by the service itself, and every statement of its transaction is
noted with what was bound to it. Ids and the number's index become expressions of a
counter, so that each run is about an order and a number of its own; everything else is
written into the statement as it was bound.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.order_body import order_body
from tests.support.app import a_runtime, in_process
from unbind_broker.base.clock import SystemClock

COUNTER = "order_number"
NUMBER = "+8613800009999"
_BOUND = re.compile(r"\$(\d+)")
_SCRIPT = f"""\\set place :place + 1
\\set {COUNTER} :from + :client_id * 1000000 + :place
BEGIN;
{{}}
COMMIT;
"""


@dataclass(frozen=True)
class Statement:
    """One statement as the driver got it."""

    text: str
    bound: Sequence[Any]


@dataclass
class _Noted:
    statements: list[Statement] = field(default_factory=list)
    transactions: list[list[Statement]] = field(default_factory=list)


async def statements_of_an_order(engine: AsyncEngine, key: str) -> list[Statement]:
    """Let the service accept an order about a new number for every platform.

    Statements outside the order's transaction are left out: the key of many requests
    is looked up at once.
    """
    async with in_process(a_runtime(engine, SystemClock())) as http:
        headers = {"authorization": f"Bearer {key}"}
        body = order_body(NUMBER, SystemClock().now())
        with _noting(engine) as noted:
            answer = await http.post("/v1/orders", headers=headers, json=body)
    answer.raise_for_status()
    (found,) = noted.transactions
    return found


@contextmanager
def _noting(engine: AsyncEngine) -> Iterator[_Noted]:
    noted = _Noted()

    def note(*call: Any) -> None:
        connection, _, text, bound, _, _ = call
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            noted.statements.append(Statement(text, bound))

    def end(_: Any) -> None:
        if noted.statements:
            noted.transactions.append(noted.statements)
            noted.statements = []

    heard: list[tuple[str, Callable[..., None]]] = [
        ("before_cursor_execute", note),
        ("commit", end),
    ]
    for name, listener in heard:
        event.listen(engine.sync_engine, name, listener)
    try:
        yield noted
    finally:
        for name, listener in heard:
            event.remove(engine.sync_engine, name, listener)


def script_of(statements: Sequence[Statement]) -> str:
    """Write the transaction down for pgbench, about an order of its own each time."""
    varying = _varying(statements)
    written = [_written(statement, varying) for statement in statements]
    return _SCRIPT.format("\n".join(f"{one};" for one in written))


def _varying(statements: Sequence[Statement]) -> dict[Any, str]:
    """Find what is different in each order; give the expression in its place."""
    counter = f":{COUNTER}::bigint"
    lock, *others = statements
    found: dict[Any, str] = {lock.bound[0]: counter}
    for value in _values(others):
        if isinstance(value, UUID):
            begin = str(value)[:-12]
            found[value] = f"('{begin}' || lpad(to_hex({counter}), 12, '0'))::uuid"
    (index,) = _values(others[:1], bytes)
    found[index] = f"sha256(int8send({counter}))"
    return found


def _values(
    statements: Sequence[Statement], kind: type | None = None
) -> dict[Any, None]:
    found: dict[Any, None] = {}
    for statement in statements:
        for value in statement.bound:
            for one in value if isinstance(value, list) else [value]:
                if kind is None or isinstance(one, kind):
                    found[one] = None
    return found


def _written(statement: Statement, varying: Mapping[Any, str]) -> str:
    def value(place: re.Match[str]) -> str:
        return _literal(statement.bound[int(place[1]) - 1], varying)

    lines = _BOUND.sub(value, statement.text).splitlines()
    return "\n".join(line for line in lines if line.strip())


def _literal(value: Any, varying: Mapping[Any, str]) -> str:
    match value:
        case list():
            written = f"ARRAY[{', '.join(_literal(one, varying) for one in value)}]"
        case None:
            written = "NULL"
        case bool():
            written = str(value).lower()
        case UUID() | bytes() | int() if value in varying:
            written = varying[value]
        case int() | float():
            written = str(value)
        case bytes():
            written = _quoted("\\x" + value.hex())
        case date():
            written = _quoted(value.isoformat())
        case _:
            written = _quoted(str(value))
    return written


def _quoted(text: str) -> str:
    """Quote a text; a colon would be a variable to pgbench, even inside of one."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{escaped}'"
