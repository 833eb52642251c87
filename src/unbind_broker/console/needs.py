"""What needs somebody, the worst first: judged from figures alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.carriers.brakes import Brake
from unbind_broker.console.whole import Whole
from unbind_broker.statistics.backlog import Unsent
from unbind_broker.statistics.clearings import ClearanceUnderWay
from unbind_broker.statistics.overview import MOST_COUNTED
from unbind_broker.statistics.standing import IllPlatform, Standing

MOST_NAMED = 5
"""So many platforms are named; of the others their number is told."""
WAITS_LATE = timedelta(minutes=1)
WAITS_TOO_LATE = timedelta(minutes=30)
SEALED_LATE = timedelta(minutes=10)
BAD, WARN = "bad", "warn"


@dataclass(frozen=True)
class Need:
    """One thing to look at: ``key`` of its words, and the page that explains it.

    ``since`` is when it began, where that is known. ``platform`` is the one that it is
    about, with its ``error`` as the sender told it; ``brake`` the one that is on;
    ``waits`` what could be sent and is not.
    """

    tone: str
    key: str
    address: str
    values: Mapping[str, object] = field(default_factory=dict)
    since: datetime | None = None
    platform: IllPlatform | None = None
    brake: Brake | None = None
    waits: Unsent | None = None

    @property
    def named(self) -> IllPlatform | Unsent | None:
        """Give what holds the names of the platform that it is about."""
        return self.platform or self.waits

    @property
    def error(self) -> str | None:
        """Give what went wrong last at the platform."""
        return None if self.platform is None else self.platform.error


def find_needs(whole: Whole) -> list[Need]:
    """List what needs somebody; empty: nothing does."""
    found = [
        *_of_workers(whole),
        *_of_deadlines(whole),
        *_of_waiting(whole),
        *_of_violations(whole),
        *_of_platforms(whole),
        *_of_stops(whole),
        *_of_leftovers(whole),
        *_of_sealing(whole),
    ]
    return sorted(found, key=lambda need: (BAD, WARN).index(need.tone))


def _of_workers(whole: Whole) -> Iterator[Need]:
    if not whole.living:
        yield Need(BAD, "need.no_worker", "/console#workers")
    elif whole.without_owner:
        values = {"n": whole.without_owner}
        yield Need(BAD, "need.without_owner", "/console#workers", values)


def _of_deadlines(whole: Whole) -> Iterator[Need]:
    items = whole.overview.items
    if items.overdue:
        address = "/console/orders?standing=overdue"
        yield Need(BAD, "need.overdue", address, {"n": items.overdue})
    if items.pressing:
        address = "/console/orders?standing=in_progress"
        yield Need(WARN, "need.within_hour", address, {"n": items.pressing})


def _of_waiting(whole: Whole) -> Iterator[Need]:
    oldest = whole.unsent
    if oldest is None or whole.at - oldest.since <= WAITS_LATE:
        return
    tone = BAD if whole.at - oldest.since > WAITS_TOO_LATE else WARN
    address = f"/console/platforms/{oldest.platform}"
    yield Need(tone, "need.waits", address, since=oldest.since, waits=oldest)


def _of_violations(whole: Whole) -> Iterator[Need]:
    if n := whole.overview.violations_open:
        yield _counted(BAD, "need.violations", "/console/violations", n)


def _of_platforms(whole: Whole) -> Iterator[Need]:
    """Name the worst, and count the others of their sort."""
    ill = [one for one in whole.overview.platforms.ill if one.standing in _TONES]
    for one in ill[:MOST_NAMED]:
        yield Need(
            _TONES[one.standing],
            f"need.platform.{one.standing}",
            f"/console/platforms/{one.platform}",
            since=one.failing_since or one.since,
            platform=one,
        )
    counts = whole.overview.platforms.counts
    others = sum(counts[standing] for standing in _TONES) - MOST_NAMED
    if others > 0:
        rest = ill[MOST_NAMED:]
        tone = _TONES[rest[0].standing] if rest else WARN
        address = "/console/platforms?state=ill"
        yield Need(tone, "need.platforms", address, {"n": others})


_TONES = {
    Standing.BREAKER_OPEN: BAD,
    Standing.DISABLED: BAD,
    Standing.DEGRADED: WARN,
    Standing.PAUSED: WARN,
}
"""Those that are suspended are so on purpose, and nothing waits there."""


def _of_stops(whole: Whole) -> Iterator[Need]:
    for brake in whole.overview.brakes:
        values: dict[str, object] = {"n": whole.held_by(brake.carrier)}
        key = "need.brake.all"
        if brake.carrier is not None:
            key, values["carrier"] = "need.brake", brake.carrier
        place, begun = "/console/brake", brake.engaged_at
        yield Need(WARN, key, place, values, begun, brake=brake)
    for one in whole.overview.clearances:
        if one.stop_reason is not None:
            address = address_of(one)
            values = {"carrier": one.carrier, "n": one.numbers}
            since = one.stopped_at
            yield Need(WARN, "need.clearance_stopped", address, values, since)


def address_of(clearance: ClearanceUnderWay) -> str:
    """Say where the page of a clearance is."""
    return f"/console/clearances/{format_id(Prefix.CLEARANCE, clearance.id)}"


def _of_leftovers(whole: Whole) -> Iterator[Need]:
    if n := whole.overview.undeliverable:
        yield _counted(WARN, "need.undeliverable", "/console/undeliverable", n)
    if n := whole.overview.disputes:
        yield Need(WARN, "need.disputes", "/console/holdings", {"n": n})


def _of_sealing(whole: Whole) -> Iterator[Need]:
    sealing = whole.overview.sealing
    since = sealing.waiting_since
    if since is not None and whole.at - since > SEALED_LATE:
        values = {"n": counted(sealing.unsealed)}
        yield Need(WARN, "need.unsealed", "/console/audit", values, since)


def _counted(tone: str, key: str, address: str, n: int) -> Need:
    return Need(tone, key, address, {"n": counted(n)})


def counted(n: int) -> str:
    """Show what is counted up to ``MOST_COUNTED`` only."""
    return f"{n:,}+" if n >= MOST_COUNTED else f"{n:,}"
