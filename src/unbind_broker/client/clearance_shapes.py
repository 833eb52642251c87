"""Clearances: how numbers are put in, and how what came of them is read."""

from dataclasses import dataclass, field
from datetime import date

from pydantic import AwareDatetime, Field

from unbind_broker.client.order_shapes import Sensitive
from unbind_broker.client.shapes import Page, Shape


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A number that its holder gave up, on the day on which that happened."""

    number: str = field(repr=False)
    disconnected_on: date


class Part(Shape):
    """How many numbers a part brought."""

    part: int
    accepted: int = 0
    refused: int = 0
    at: AwareDatetime | None = None


class BadLine(Shape):
    """A line that was left out, counted from 1."""

    line: int
    code: str
    detail: str = ""


class PutPart(Part):
    """What became of a part; ``bad`` holds the first of the lines left out."""

    bad: list[BadLine] = Field(default_factory=list)


class Wave(Shape):
    """Numbers that platforms get at one time."""

    wave: int
    numbers: int = 0
    due_at: AwareDatetime | None = None
    published_at: AwareDatetime | None = None


class ListedClearance(Shape):
    """A clearance as it stands."""

    id: str
    status: str
    reference: str | None = None
    numbers: int = 0
    withdrawn: int = 0
    refused: int = 0
    created_at: AwareDatetime
    published_at: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    stopped_at: AwareDatetime | None = None
    stop_reason: str | None = None
    destroyed_at: AwareDatetime | None = None


class PlatformProgress(Shape):
    """How far one platform has come."""

    platform: str
    platform_name: str = ""
    category: str = ""
    numbers: int = 0
    read_to: int = 0
    findings: int = 0
    complete: bool = False
    completed_at: AwareDatetime | None = None
    overdue: bool = False


class Clearance(ListedClearance):
    """A clearance with its parts and waves, and how far platforms have come."""

    parts: list[Part] = Field(default_factory=list)
    waves: list[Wave] = Field(default_factory=list)
    summary: dict[str, int] = Field(default_factory=dict)
    platforms: list[PlatformProgress] = Field(default_factory=list)
    sensitive: Sensitive = Field(default_factory=Sensitive)


class ClearancePage(Page[ListedClearance]):
    """Clearances, newest first."""


class Blocker(Shape):
    """A platform that kept a binding, or found the number in use."""

    platform: str
    category: str = ""
    outcome: str = ""
    reason: str = ""
    detail: str | None = None
    critical: bool = False


class NumberResult(Shape):
    """What came of one number: sell it only if ``release``, from ``hold_until`` on.

    ``state`` is ``clean``, ``blocked``, ``partial`` or ``withdrawn``.
    """

    place: int
    number: str = Field(repr=False)
    disconnected_on: date
    state: str
    release: bool
    hold_until: AwareDatetime | None = None
    overridden: bool = False
    blocked_by: list[Blocker] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)


class WithdrawnLine(Shape):
    """What became of one number of the list, by its place from 1."""

    place: int
    status: str


class Withdrawal(Shape):
    """How many numbers were withdrawn, and what became of each."""

    withdrawn: int
    results: list[WithdrawnLine]
