"""How well an endpoint takes what it is sent."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.base.coded_enum import CodedEnum


class Condition(CodedEnum):
    """What an endpoint's newest answers say about it."""

    HEALTHY = ("healthy", 1)
    DEGRADED = ("degraded", 2)  # fails often, or has not proved itself again yet
    OPEN = ("open", 3)  # the circuit is open: nothing is sent but one probe at a time


class HealthEventKind(CodedEnum):
    """An edge in an endpoint's health, told once."""

    DEGRADED = ("degraded", 1)
    OPEN = ("open", 2)
    RECOVERED = ("recovered", 3)
    DISABLED = ("disabled", 4)


@dataclass(frozen=True)
class Health:
    """What is known of an endpoint, kept over a change of owner.

    ``opened`` counts how often in a row the circuit opened; ``open_until`` is when the
    next probe may go. ``failures`` counts the requests that failed since the last
    success, the first of them at ``failing_since``.
    """

    condition: Condition
    since: datetime
    open_until: datetime | None = None
    opened: int = 0
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    last_error: str | None = None
