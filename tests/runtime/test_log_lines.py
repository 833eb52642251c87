"""Lines on their way out: all of them, in order, and nobody waits for their reader."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from typing import TextIO

import pytest

from tests.support.logs import logs_put_back
from tests.support.waiting import eventually
from unbind_broker.runtime.log_lines import LinesInBackground
from unbind_broker.runtime.logs import OURS, _JsonLines, set_up_logs


@contextmanager
def lines_to(stream: TextIO, most: int = 100) -> Iterator[LinesInBackground]:
    handler = LinesInBackground(stream, most, gathering=0.0)
    handler.setFormatter(_JsonLines())
    with closing(handler):
        yield handler


def say(handler: logging.Handler, *words: str) -> None:
    for word in words:
        handler.handle(logging.makeLogRecord({"msg": word, "levelname": "INFO"}))


@contextmanager
def a_pipe() -> Iterator[tuple[TextIO, TextIO]]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader, os.fdopen(writing, "w") as writer:
        yield reader, writer


def test_lines_come_out_in_the_order_in_which_they_were_said() -> None:
    stream = StringIO()
    words = [f"word-{place}" for place in range(60)]
    with lines_to(stream) as handler:
        say(handler, *words)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == (
        words
    )


def test_flushed_lines_are_written() -> None:
    stream = StringIO()
    with lines_to(stream) as handler:
        say(handler, "said")
        handler.flush()
        assert "said" in stream.getvalue()


async def test_a_reader_that_stands_still_holds_nobody_up_and_is_told_later() -> None:
    with a_pipe() as (reader, writer), lines_to(writer, most=4) as handler:
        say(handler, "x" * 500_000)  # more than a pipe holds
        await eventually(lambda: not handler._waiting)
        say(handler, "a", "b", "c", "d", "lost", "lost")
        assert handler.dropped == 2
        reader.readline()
        events = [json.loads(reader.readline()) for _ in range(5)]
    assert [one["event"] for one in events] == ["a", "b", "c", "d", "log_lines_dropped"]
    assert events[-1]["dropped"] == 2
    assert events[-1]["level"] == "warning"


def test_a_reader_that_has_gone_is_lived_with() -> None:
    with a_pipe() as (reader, writer), lines_to(writer) as handler:
        reader.close()
        say(handler, "into the void")
        handler.flush()
        say(handler, "again")
    assert handler.dropped == 0


def test_a_stream_that_was_closed_is_lived_with() -> None:
    stream = StringIO()
    with lines_to(stream) as handler:
        stream.close()
        say(handler, "into the void")


@pytest.fixture
def as_it_was() -> Iterator[None]:
    with logs_put_back():
        yield


@pytest.mark.usefixtures("as_it_was")
def test_libraries_are_not_asked_for_what_they_do_in_detail() -> None:
    set_up_logs("json", "debug")
    assert logging.getLogger(f"{OURS}.requests").isEnabledFor(logging.DEBUG)
    for library in ("sqlalchemy.engine", "aiohttp.client", "asyncio", "urllib3"):
        assert not logging.getLogger(library).isEnabledFor(logging.INFO)
        assert logging.getLogger(library).isEnabledFor(logging.WARNING)


@pytest.mark.usefixtures("as_it_was")
def test_whoever_wants_errors_only_hears_no_warning_of_libraries() -> None:
    set_up_logs("json", "error")
    for name in (OURS, "asyncio"):
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
