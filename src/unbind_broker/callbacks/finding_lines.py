"""Read and judge what a platform says of one number of a clearance. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from unbind_broker.base.numbers import InvalidNumber, PhoneNumber, parse_number
from unbind_broker.callbacks.demands import Fault
from unbind_broker.callbacks.line_fields import (
    FieldWrong,
    Readers,
    flag,
    free_text,
    instant,
    is_object,
    one_of,
    read_fields,
)
from unbind_broker.callbacks.lines import LINE_INVALID
from unbind_broker.callbacks.report import Unreadable
from unbind_broker.clearances.findings import Finding, FoundNumber
from unbind_broker.clearances.interval import bound_before
from unbind_broker.clearances.states import FindingOutcome, FindingReason

OUTSIDE_INTERVAL = "outside-interval"
REMOVALS = frozenset({FindingOutcome.UNBOUND, FindingOutcome.PARTLY_UNBOUND})
_NEEDS_REASON = frozenset({FindingOutcome.PARTLY_UNBOUND, FindingOutcome.REFUSED})
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class FindingLine:
    """What a platform says of one number."""

    number: PhoneNumber
    outcome: FindingOutcome
    reason: FindingReason | None = None
    detail: str | None = None
    last_bound_at: datetime | None = None
    amend: bool = False


@dataclass(frozen=True)
class Noted:
    """The line changes what stands; ``outside``: more was removed than was asked."""

    finding: Finding
    outside: bool
    amended: Finding | None

    @property
    def violates(self) -> bool:
        """Tell whether a violation is to be raised: once for each claim."""
        repeated = self.amended is not None and _claim(self.amended) == _claim(
            self.finding
        )
        return self.outside and not repeated


@dataclass(frozen=True)
class Known:
    """The line tells nothing new."""


@dataclass(frozen=True)
class Contradicts:
    """The line tells something else than what stands."""

    standing: Finding


@dataclass(frozen=True)
class Wrong:
    """The line is wrong by itself."""

    fault: Fault


def read_finding(line: object, region: str) -> FindingLine | Unreadable:
    """Read one JSON value; a field that is ``null`` counts as left out."""
    if not is_object(line):
        return Unreadable(None, LINE_INVALID, "expected an object")
    given = {name: value for name, value in line.items() if value is not None}
    number = _number(given, region)
    if number is None:
        return Unreadable(None, LINE_INVALID, "number: expected a mobile number")
    try:
        fields = read_fields(given, _READERS, "number")
    except FieldWrong as wrong:
        return Unreadable(number.masked, LINE_INVALID, str(wrong))
    return FindingLine(number=number, **fields)  # type: ignore[arg-type] # read by name


def judge_finding(
    line: FindingLine, found: FoundNumber, standing: Finding | None, zone: ZoneInfo
) -> Noted | Known | Contradicts | Wrong:
    """Decide what a line makes of what stands about a number.

    ``not_bound`` takes back what stands; where nothing does, it tells nothing new. What
    was bound after the number was given up tells that it is in use: a removal of it is
    noted with that reason.
    """
    fault = _fault(line, found)
    if fault is not None:
        return Wrong(fault)
    outside = is_outside(line, bound_before(found.disconnected_on, zone))
    finding = _finding(line, outside=outside)
    if finding == (standing or Finding(FindingOutcome.NOT_BOUND)):
        return Known()
    if standing is not None and not line.amend:
        return Contradicts(standing)
    return Noted(finding, outside, standing)


def is_outside(said: Finding | FindingLine, border: datetime) -> bool:
    """Tell a removal of what was bound at the border or after it."""
    return (
        said.outcome in REMOVALS
        and said.last_bound_at is not None
        and said.last_bound_at >= border
    )


def _claim(finding: Finding) -> tuple[FindingOutcome, datetime | None]:
    """Give what a platform says that it removed."""
    return finding.outcome, finding.last_bound_at


def _number(given: Mapping[str, object], region: str) -> PhoneNumber | None:
    """Read the number; as the manifest writes it, this is ten times as fast."""
    written = given.get("number")
    if not isinstance(written, str):
        return None
    if _E164.fullmatch(written):
        return PhoneNumber(written)
    try:
        return parse_number(written, region)
    except InvalidNumber:
        return None


def _fault(line: FindingLine, found: FoundNumber) -> Fault | None:
    if found.withdrawn:
        return Fault("number-withdrawn", "this number is not to be cleared any more")
    if line.outcome in REMOVALS and line.last_bound_at is None:
        return Fault("bound-at-missing", f"{line.outcome} needs last_bound_at")
    return _reason_fault(line)


def _reason_fault(line: FindingLine) -> Fault | None:
    if line.outcome in _NEEDS_REASON:
        if line.reason is None:
            return Fault("reason-missing", f"{line.outcome} needs a reason")
        if line.reason is FindingReason.OTHER and line.detail is None:
            return Fault("detail-missing", "reason other needs a detail")
    elif line.reason is not None:
        return Fault("reason-contradicts", f"{line.outcome} has no reason")
    return None


def _finding(line: FindingLine, *, outside: bool) -> Finding:
    if line.outcome is FindingOutcome.NOT_BOUND:
        return Finding(FindingOutcome.NOT_BOUND)
    reason = FindingReason.ACTIVE_AFTER_CUTOFF if outside else line.reason
    return Finding(line.outcome, reason, line.last_bound_at, line.detail)


_READERS: Readers = {
    "outcome": one_of(frozenset(FindingOutcome)),
    "reason": one_of(frozenset(FindingReason)),
    "detail": free_text,
    "last_bound_at": instant,
    "amend": flag,
}
