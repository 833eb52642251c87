"""Log lines: whole facts, one line each."""

import json
import logging

import pytest

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
