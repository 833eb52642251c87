"""The one reader of the wall clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tell the time, so that whoever asks can be given another one."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        ...


class SystemClock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        return datetime.now(UTC)
