"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # Friday noon in Shanghai


class FixedClock:
    def __init__(self, at: datetime = NOON) -> None:
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        if by < timedelta(0):
            raise ValueError("a clock only advances; use set() to go back")
        self._now += by
        return self._now

    def set(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)
