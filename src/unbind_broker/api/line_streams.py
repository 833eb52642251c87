"""Read lines from a body of almost any length, in constant memory."""

import asyncio
import csv
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from unbind_broker.base.errors import BrokerError, FieldError, InvalidFields

MOST_LINES = 1_000_000
MOST_BYTES = 256 * 1024 * 1024
LONGEST_LINE = 1000
"""Bytes; what is longer is skipped up to its end."""
MOST_SILENT_SECONDS = 30.0
MOST_SECONDS = 3600.0
LEAST_RATE = 1024
"""Bytes a second, on the average of every ``PACE_SECONDS`` that it was waited for."""
PACE_SECONDS = 30.0


@dataclass(frozen=True)
class Bounds:
    """How much one call may tell, and how slowly; ``left`` says what stands of it."""

    lines: int = MOST_LINES
    silent: float = MOST_SILENT_SECONDS
    left: str = "what came before stands"
    least: int = LEAST_RATE
    window: float = PACE_SECONDS


class StreamTooLong(BrokerError):
    """A stream holds more than one call may tell; what was read before it stands."""

    code: ClassVar[str] = "body-too-large"
    title: ClassVar[str] = "The body is too large"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class StreamTooSlow(BrokerError):
    """A stream has stopped, or drips; what was read before stands."""

    code: ClassVar[str] = "request-timeout"
    title: ClassVar[str] = "The request came too slowly"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class LineUnreadable(Exception):
    """A line is not what its media type says; the words do not repeat it."""


Reader = Callable[[str], object]
"""Reads one line; None says that there is nothing to read in it."""


Lines = list[tuple[int, object]]
"""Lines by their number, from 1, each with what it holds or ``LineUnreadable``."""


async def read_lines(
    stream: AsyncIterator[bytes], reader: Reader, silent: float = MOST_SILENT_SECONDS
) -> AsyncIterator[tuple[int, object]]:
    """Give the lines one by one, as ``read_pieces`` does in pieces."""
    async for lines in read_pieces(stream, reader, Bounds(silent=silent)):
        for line in lines:
            yield line


async def read_pieces(
    stream: AsyncIterator[bytes], reader: Reader, bounds: Bounds
) -> AsyncGenerator[Lines, None]:
    """Give the lines that came together.

    Blank lines are counted and left out. Raises ``StreamTooLong`` and
    ``StreamTooSlow``.
    """
    pieces = _Pieces()
    async for data in _in_time(stream, bounds):
        yield list(_read(pieces, pieces.add(data), reader, bounds))
        _check_count(pieces, bounds)
    yield list(_read(pieces, pieces.end(), reader, bounds))
    _check_count(pieces, bounds)


def _read(
    pieces: "_Pieces", lines: Iterator[bytes | None], reader: Reader, bounds: Bounds
) -> Iterator[tuple[int, object]]:
    for line in lines:
        if pieces.number > bounds.lines:
            return
        try:
            read = reader(_text(line))
        except LineUnreadable as unreadable:
            yield pieces.number, unreadable
        else:
            if read is not None:
                yield pieces.number, read


def _check_count(pieces: "_Pieces", bounds: Bounds) -> None:
    if pieces.number > bounds.lines:
        raise StreamTooLong(f"expected at most {bounds.lines} lines; {bounds.left}")


def read_json_line(text: str) -> object:
    """Read a line of NDJSON."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise LineUnreadable("expected a JSON object") from None


class CsvReader:
    """Read lines of CSV (RFC 4180) under a header; no field holds a line break."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._columns: list[str] | None = None

    def __call__(self, text: str) -> object:
        """Read one line; raises ``InvalidFields`` for a wrong header."""
        if not text.strip():
            return None
        values = self._values(text)
        if self._columns is None:
            self._columns = _columns(values, self._fields)
            return None
        if len(values) != len(self._fields):
            expected = f"expected {len(self._fields)} columns"
            raise LineUnreadable(f"{expected}, found {len(values)}")
        return dict(zip(self._columns, values, strict=True))

    def _values(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], strict=True))
        except (csv.Error, StopIteration):
            if self._columns is None:
                return []
            raise LineUnreadable("expected a line of CSV") from None


def _columns(values: list[str], fields: Sequence[str]) -> list[str]:
    names = [
        value.strip().removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}") for value in values
    ]
    if sorted(names) != sorted(fields):
        wrong = f"expected the first line to be {','.join(fields)}"
        raise InvalidFields((FieldError("", wrong),))
    return names


def _text(line: bytes | None) -> str:
    if line is None:
        raise LineUnreadable(f"expected at most {LONGEST_LINE} bytes")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise LineUnreadable("expected UTF-8") from None


class _Pieces:
    """Put lines together from pieces of a stream."""

    def __init__(self) -> None:
        self.number = 0
        self._rest = b""
        self._skipping = False

    def add(self, data: bytes) -> Iterator[bytes | None]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield self._whole(line)
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._skipping = b"", True

    def end(self) -> Iterator[bytes | None]:
        if self._rest or self._skipping:
            yield self._whole(self._rest)

    def _whole(self, line: bytes) -> bytes | None:
        self.number += 1
        skipped, self._skipping = self._skipping, False
        return None if skipped or len(line) > LONGEST_LINE else line.removesuffix(b"\r")


async def _in_time(
    stream: AsyncIterator[bytes], bounds: Bounds
) -> AsyncIterator[bytes]:
    """Hand on what comes, as long as it comes, and no more than ``MOST_BYTES``."""
    loop = asyncio.get_running_loop()
    over, size, pace = loop.time() + MOST_SECONDS, 0, _Pace(bounds)
    while True:
        asked = loop.time()
        try:
            async with asyncio.timeout_at(min(over, asked + pace.patience)):
                data = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise StreamTooSlow(
                f"the body stopped or came too slowly, expected {bounds.least} bytes a "
                f"second; {bounds.left}, so send it again"
            ) from None
        pace.note(loop.time() - asked, len(data))
        size += len(data)
        if size > MOST_BYTES:
            raise StreamTooLong(f"expected at most {MOST_BYTES} bytes; {bounds.left}")
        yield data


class _Pace:
    """How fast a body comes; only the time in which it is waited for counts."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waited = 0.0
        self._brought = 0

    @property
    def patience(self) -> float:
        """Seconds until what comes next must be here."""
        bounds = self._bounds
        if self._brought >= bounds.least * bounds.window:
            return bounds.silent
        return min(bounds.silent, bounds.window - self._waited)

    def note(self, waited: float, brought: int) -> None:
        self._waited += waited
        self._brought += brought
        enough = self._brought >= self._bounds.least * self._bounds.window
        if enough and self._waited >= self._bounds.window:
            self._waited, self._brought = 0.0, 0
