"""Which bindings a clearance is about. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)


def bound_before(disconnected_on: date, zone: ZoneInfo) -> datetime:
    """Say before when they were made: before the day after the number was given up."""
    return datetime.combine(disconnected_on + _ONE_DAY, time.min, zone).astimezone(UTC)
