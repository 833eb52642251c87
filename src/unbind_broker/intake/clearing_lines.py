"""A part of a clearance as it came: read, not judged yet, in few bytes. Pure."""

import re
from array import array
from collections.abc import Mapping
from datetime import date

from unbind_broker.base.numbers import (
    InvalidNumber,
    PhoneNumber,
    is_made_up,
    parse_number,
)
from unbind_broker.clearances.parts import MOST_BAD, BadLine
from unbind_broker.intake.rehearsing import MADE_UP_ONLY, SANDBOX_NUMBER
from unbind_broker.intake.rules import EARLIEST_OWNER

FIELDS = ("number", "disconnected_on")

BAD_CODES = (
    "line-malformed",
    "invalid-number",
    "date-invalid",
    "date-in-future",
    "duplicate-number",
    "live-holding",
    SANDBOX_NUMBER,
)

_MOST_DAYS_KNOWN = 10_000
_EPOCH = date(1970, 1, 1).toordinal()
# What decides about a mobile number of mainland China are its first five digits.
_MAINLAND = re.compile(r"(?:\+86)?(1[3-9][0-9]{3})[0-9]{6}")


class ReadPart:
    """The lines of a part: 16 bytes for a good one; the first bad ones, and how many.

    Numbers stand in it without their plus sign, days counted from 1970.
    """

    def __init__(self, region: str, today: date, *, made_up_only: bool = False) -> None:
        self.lines = array("I")
        self.numbers = array("Q")
        self.days = array("i")
        self.bad: list[BadLine] = []
        self.refused = 0
        self._today = today
        self._made_up_only = made_up_only
        self._numbers = _Numbers(region)
        self._known_days: dict[str, int] = {}

    def __len__(self) -> int:
        """Count the good lines."""
        return len(self.lines)

    def add(self, line: int, fields: object) -> None:
        """Take a line, or note what is wrong with it."""
        fault = self._take(line, fields)
        if fault is not None:
            self.refuse(line, *fault)

    def refuse(self, line: int, code: str, detail: str) -> None:
        """Leave a line out."""
        self.refused += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append(BadLine(line, code, detail))

    def _take(self, line: int, fields: object) -> tuple[str, str] | None:
        if not isinstance(fields, Mapping) or fields.keys() != _NAMES:
            expected = "expected the fields number and disconnected_on, and no other"
            return "line-malformed", expected
        written, on = fields["number"], fields["disconnected_on"]
        if not (isinstance(written, str) and isinstance(on, str)):
            return "line-malformed", "expected number and disconnected_on to be texts"
        number = self._read_number(written)
        if not isinstance(number, int):
            return number
        day = self._known_days.get(on)
        if day is None:
            day_or_fault = self._read_day(on)
            if not isinstance(day_or_fault, int):
                return day_or_fault
            day = day_or_fault
        self.lines.append(line)
        self.numbers.append(number)
        self.days.append(day)
        return None

    def _read_number(self, text: str) -> int | tuple[str, str]:
        try:
            number = self._numbers.read(text)
        except InvalidNumber as invalid:
            return "invalid-number", invalid.detail
        if self._made_up_only and not is_made_up(PhoneNumber(f"+{number}")):
            return SANDBOX_NUMBER, MADE_UP_ONLY
        return number

    def _read_day(self, text: str) -> int | tuple[str, str]:
        day = _day(text)
        if day is None or day < EARLIEST_OWNER:
            expected = f"expected disconnected_on to be a date from {EARLIEST_OWNER} on"
            return "date-invalid", expected
        if day > self._today:
            expected = "expected disconnected_on not in the future"
            return "date-in-future", f"{expected}; it is {self._today} here"
        since_1970 = day.toordinal() - _EPOCH
        if len(self._known_days) < _MOST_DAYS_KNOWN:
            self._known_days[text] = since_1970
        return since_1970


_NAMES = frozenset(FIELDS)


class _Numbers:
    """Read numbers as ``parse_number`` does, most of them thirty times as fast."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._heads: dict[str, bool] = {}

    def read(self, text: str) -> int:
        """Give the digits of a number in E.164; raises ``InvalidNumber``."""
        if self._region == "CN" and (found := _MAINLAND.fullmatch(text)):
            head = found[1]
            is_good = self._heads.get(head)
            if is_good is None:
                is_good = self._heads[head] = self._is_number(text)
            if is_good:
                return int("86" + text[-11:])
        return int(parse_number(text, self._region).e164[1:])

    def _is_number(self, text: str) -> bool:
        try:
            parse_number(text, self._region)
        except InvalidNumber:
            return False
        return True


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None  # 20250301 is read as well
