"""Instants, ages and counts as a reader of one language takes them in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from unbind_broker.console.wording import Language
from unbind_broker.console.words import say

_STEPS = (
    (timedelta(days=2), timedelta(days=1), "span.days"),
    (timedelta(hours=2), timedelta(hours=1), "span.hours"),
    (timedelta(minutes=1), timedelta(minutes=1), "span.minutes"),
)
_YOUNGER = timedelta(seconds=5)
"""What has happened may be told by so much later a clock: rows are read after a page's
time was taken, and some of their times are the database's."""
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


@dataclass(frozen=True)
class Showing:
    """How to show things to one visitor at one moment."""

    language: Language
    zone: ZoneInfo
    now: datetime

    def moment(self, at: datetime | None) -> str:
        """Show an instant to the second, in the broker's zone; a dash for none."""
        if at is None:
            return "–"
        return _TIME.format(_utc(at), self._full(at), f"{self._local(at):%F %T}")

    def day(self, at: datetime | None) -> str:
        """Show the day of an instant, in the broker's zone; a dash for none."""
        if at is None:
            return "–"
        return _TIME.format(_utc(at), self._full(at), f"{self._local(at):%F}")

    def age(self, at: datetime | None) -> str:
        """Show how long ago it was, or how long it is until then; a dash for none."""
        if at is None:
            return "–"
        return _TIME.format(_utc(at), self._full(at), self.ago(at))

    def ago(self, at: datetime | None) -> str:
        """Say the same in words alone."""
        if at is None:
            return "–"
        key = "age.past" if at <= self.now + _YOUNGER else "age.future"
        return say(self.language, key, span=self.span(abs(self.now - at)))

    def plain(self, at: datetime) -> str:
        """Say an instant to the second, in the broker's zone, in words alone."""
        return f"{self._local(at):%F %T}"

    def minute(self, at: datetime) -> str:
        """Name a minute of the day, in the broker's zone."""
        return f"{self._local(at):%H:%M}"

    def span(self, length: timedelta | None) -> str:
        """Show a length of time in its largest fitting unit; a dash for none."""
        if length is None:
            return "–"
        for least, unit, key in _STEPS:
            if length >= least:
                return say(self.language, key, n=length // unit)
        return say(self.language, "span.short")

    def count(self, number: int | None) -> str:
        """Show a number with its thousands apart; a dash for none."""
        return "–" if number is None else f"{number:,}"

    def share(self, part: float | None) -> str:
        """Show a share of 1 as a percentage; a dash for none."""
        return "–" if part is None else f"{part * 100:.1f} %"

    def _full(self, at: datetime) -> str:
        return f"{self._local(at):%F %T} {self.zone.key}"

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%FT%TZ}"
