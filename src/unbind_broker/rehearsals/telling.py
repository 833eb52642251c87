"""What a made-up platform is asked, and what it tells about that, and when. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

Line = dict[str, object]
"""One result, as platforms report it."""

RESTORABLE_FOR = timedelta(days=30)
LONGEST_WAIT = timedelta(hours=1)
AFTER_DEADLINE = timedelta(seconds=1.5)
"""More than a second: events tell the deadline without its fraction of one."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item, as far as a platform needs it."""

    event: str
    id: str
    number: str
    action: str | None
    bound_from: datetime | None
    bound_before: datetime
    deadline: datetime
    restores: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is told at once, in the answer, and what later: seconds and line.

    One that ``is_late`` is told after the item's deadline only, if at all.
    """

    at_once: tuple[Line, ...] = ()
    later: tuple[tuple[float, Line], ...] = ()
    is_late: bool = False


def tell_late(item: Item, result: Line, now: datetime) -> Plan:
    """Tell a result after the deadline, or never where that is far."""
    wait = item.deadline - now + AFTER_DEADLINE
    seconds = max(0.0, wait.total_seconds())
    later = () if wait > LONGEST_WAIT else ((seconds, result),)
    return Plan(later=later, is_late=True)
