"""Log lines: whole facts, one line each."""

import json
import logging

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import TEXT, sql
from unbind_broker.runtime.logs import _JsonLines, _TextLines


def record(**facts: object) -> logging.LogRecord:
    line = logging.LogRecord("broker", logging.INFO, "f.py", 1, "request", (), None)
    line.__dict__.update(facts)
    return line


def test_json_line_holds_every_fact() -> None:
    line = json.loads(_JsonLines().format(record(status=202, route="/v1/orders")))
    assert line["event"] == "request"
    assert line["status"] == 202
    assert line["route"] == "/v1/orders"
    assert line["at"].endswith("Z")


def test_fact_without_value_is_left_out() -> None:
    assert "caller" not in json.loads(_JsonLines().format(record(caller=None)))


def test_text_line_is_one_line() -> None:
    line = _TextLines().format(record(status=202))
    assert line.endswith("INFO    request status=202")
    assert "\n" not in line


@pytest.mark.parametrize("lines", [_JsonLines(), _TextLines()])
def test_exception_is_told(lines: logging.Formatter) -> None:
    with pytest.raises(ValueError, match="no such slug") as caught:
        int("no such slug")
    told = record(exc_info=(caught.type, caught.value, caught.tb))
    assert "no such slug" in lines.format(told)


@pytest.mark.parametrize("lines", [_JsonLines(), _TextLines()])
def test_a_number_in_an_exception_is_masked(lines: logging.Formatter) -> None:
    error = ValueError("first line\nno account of +86 138 0000 1234 on 2026-11-21")
    told = lines.format(record(exc_info=(ValueError, error, None)))
    assert "of **** on 2026-11-21" in told
    assert "first line" in told


@pytest.mark.parametrize("lines", [_JsonLines(), _TextLines()])
@pytest.mark.parametrize(
    "said",
    [
        "new row violates check\nDETAIL:  Failing row contains (7, quoted).\nnot this",
        "<class 'DataError'>: invalid input for query argument $2: 'quoted' (expected)",
    ],
)
def test_what_the_database_quotes_is_left_out(
    lines: logging.Formatter, said: str
) -> None:
    error = ValueError(said)
    told = lines.format(record(exc_info=(ValueError, error, None)))
    assert "quoted" not in told
    assert ("not this" in told) == ("not this" in said)


async def test_parameter_that_the_driver_refuses_is_left_out(
    engine: AsyncEngine,
) -> None:
    unspeakable = "quo" + "ted\ud800"
    statement = sql("SELECT length(:x)", x=TEXT)
    async with engine.connect() as db:
        with pytest.raises(DBAPIError) as caught:
            await db.execute(statement, {"x": unspeakable})
    told = _JsonLines().format(record(exc_info=(caught.type, caught.value, caught.tb)))
    assert "invalid input for query argument" in told
    assert "quoted" not in told
