"""What the loops of a process tell about themselves."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LoopPulse:
    """Seconds since a loop's last good step, and how many steps have failed."""

    age_seconds: float
    faults: int


@dataclass(frozen=True)
class Pulse:
    """How long ago a worker last read all that is to be sent, and how its loops fare.

    Times are seconds. Beyond ``limit_seconds`` the worker had better be started anew.
    """

    last_good_poll_age_seconds: float
    limit_seconds: float
    loops: Mapping[str, LoopPulse]

    @property
    def is_stale(self) -> bool:
        """Tell whether too much time has passed."""
        return self.last_good_poll_age_seconds > self.limit_seconds
