"""One line of what a carrier tells about its numbers, read but not judged yet. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from unbind_broker.base.numbers import (
    InvalidNumber,
    PhoneNumber,
    is_made_up,
    parse_number,
)
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.intake.rehearsing import MADE_UP_ONLY, SANDBOX_NUMBER
from unbind_broker.intake.rules import EARLIEST_OWNER

FIELDS = ("number", "event", "on")
_EVENTS = {event.value: event for event in HoldingEvent}


class LineStatus(StrEnum):
    """What became of a line."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True)
class LineOutcome:
    """What a line is answered; never repeats the number."""

    line: int
    status: LineStatus
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class HoldingLine:
    """A line that can be judged."""

    line: int
    number: PhoneNumber
    event: HoldingEvent
    on: date


LINE_CODES = (
    "line-malformed",
    "invalid-number",
    "event-unknown",
    "date-invalid",
    "date-in-future",
    SANDBOX_NUMBER,
)


def malformed(line: int, detail: str) -> LineOutcome:
    """Reject a line that cannot be read at all."""
    return LineOutcome(line, LineStatus.REJECTED, "line-malformed", detail)


def read_line(
    line: int, fields: object, region: str, today: date
) -> HoldingLine | LineOutcome:
    """Read a line, or say what is wrong with it."""
    if not isinstance(fields, Mapping) or set(fields) != set(FIELDS):
        return malformed(line, "expected the fields number, event and on, and no other")
    values = [fields[name] for name in FIELDS]
    if not all(isinstance(value, str) for value in values):
        return malformed(line, "expected number, event and on to be texts")
    number, word, on = _number(values[0], region), values[1], _day(values[2])
    fault = _fault(number, word, on, today)
    if fault is not None:
        return LineOutcome(line, LineStatus.REJECTED, *fault)
    if isinstance(number, str) or on is None:
        raise AssertionError("a line that cannot be read has a fault")
    return HoldingLine(line, number, _EVENTS[word], on)


def made_up_only(read: HoldingLine | LineOutcome) -> HoldingLine | LineOutcome:
    """Reject what was told with a sandbox key if the number may be somebody's."""
    if isinstance(read, LineOutcome) or is_made_up(read.number):
        return read
    return LineOutcome(read.line, LineStatus.REJECTED, SANDBOX_NUMBER, MADE_UP_ONLY)


def _fault(
    number: PhoneNumber | str, word: str, on: date | None, today: date
) -> tuple[str, str] | None:
    """Name what is wrong by a code and in words."""
    if isinstance(number, str):
        return "invalid-number", number
    if word not in _EVENTS:
        return "event-unknown", f"expected one of {', '.join(_EVENTS)}"
    if on is None or on < EARLIEST_OWNER:
        return "date-invalid", _EXPECTED_DAY
    wrong = day_fault(on, today)
    return None if wrong is None else ("date-in-future", wrong)


_EXPECTED_DAY = f"expected on to be a date from {EARLIEST_OWNER} on"


def day_fault(on: date, today: date) -> str | None:
    """Say what is wrong with the day of an event."""
    if on < EARLIEST_OWNER:
        return _EXPECTED_DAY
    return f"expected on not in the future; it is {today} here" if on > today else None


def _number(text: str, region: str) -> PhoneNumber | str:
    """Read a number, or say why it is none."""
    try:
        return parse_number(text, region)
    except InvalidNumber as invalid:
        return invalid.detail


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None  # 20250301 is read as well
