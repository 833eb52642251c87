"""The circuit breaker of one endpoint: stop, probe, go slowly, give up. Pure.

    closed -> open                10 failures in a row, or 70 % of at least 10 in a
                                  minute, or 3 in a row that a wrong setting explains
    open -> ready -> probing      after 30 s, 1 min, 2 min … 10 min: one real request
    probing -> closed or open     by what the probe came to

Closed again, it begins slowly. While it is open no attempt is burnt: nothing is read.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from unbind_broker.deliveries.hearing import Edge, Heard, News, speaks_for
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tally import Tally
from unbind_broker.deliveries.window import SendWindow
from unbind_broker.endpoints.health import Condition, Health, HealthEventKind

OPENING_SHARE = 0.7
DEGRADING_SHARE = 0.3
HEALTHY_SHARE = 0.1
OPENING_STREAK = 10
WRONG_SETTING_STREAK = 3
BLOCKED_STREAK = 3
DEGRADING_STREAK = 3
HEALTHY_STREAK = 5
LONGEST_PAUSE = 20
"""In first pauses."""
LONGEST_HOLD = timedelta(hours=1)
"""A ``Retry-After`` holds the whole endpoint at most so long: one request an hour asks
whether it still stands."""
NOT_AGAIN_FOR = timedelta(minutes=10)
"""An endpoint that goes up and down is not told as degraded more often than that."""
SUCCESS_KEPT_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class BreakerPolicy:
    """How patient the breaker is; an endpoint is disabled when both are exceeded."""

    first_pause: timedelta = timedelta(seconds=30)
    disable_after: timedelta = timedelta(days=5)
    disable_tries: int = 20


class Phase(Enum):
    """What the circuit lets through."""

    CLOSED = "closed"  # everything
    OPEN = "open"  # nothing
    READY = "ready"  # one request, the probe
    PROBING = "probing"  # nothing more until the probe has ended


class Breaker:
    """Judge an endpoint by its answers; begins where the last owner left off."""

    def __init__(self, health: Health | None, policy: BreakerPolicy) -> None:
        self._saved = health
        self._health = health
        self._policy = policy
        self._edges: list[Edge] = []
        self._recent = Tally()
        self._good = self._bad = self._wrong = self._blocked = 0  # in a row
        self._degraded_at: datetime | None = None
        self._window = SendWindow()
        self.phase = Phase.CLOSED
        if health is not None and health.condition is not Condition.HEALTHY:
            self._window.begin_slowly()
        if health is not None and health.condition is Condition.OPEN:
            self.phase = Phase.OPEN

    @property
    def reads(self) -> bool:
        """Tell whether anything may be read for sending."""
        return self.phase is Phase.CLOSED or self.phase is Phase.READY

    @property
    def is_gone(self) -> bool:
        """Tell whether the endpoint is to be disabled."""
        return any(edge.kind is HealthEventKind.DISABLED for edge in self._edges)

    def look(self, now: datetime) -> None:
        """Let a probe through once the pause is over."""
        if self.phase is not Phase.OPEN:
            return
        until = self._health.open_until if self._health is not None else None
        longest = self._policy.first_pause * LONGEST_PAUSE + LONGEST_HOLD
        # A clock that was set back must not keep it open for ever.
        if until is None or not now < until < now + longest:
            self.phase = Phase.READY

    def most(self, allowed: int) -> int:
        """Give how many requests may be under way, of those that its owner allows."""
        match self.phase:
            case Phase.CLOSED:
                return self._window.allows(allowed)
            case Phase.READY:
                return 1
            case Phase.OPEN | Phase.PROBING:
                return 0

    def started(self) -> None:
        """Note that a request starts."""
        if self.phase is Phase.READY:
            self.phase = Phase.PROBING

    def dropped(self) -> None:
        """Note that a request was not sent after all."""
        if self.phase is Phase.PROBING:
            self.phase = Phase.READY

    def heard(self, heard: Heard) -> None:
        """Draw conclusions from one exchange."""
        match speaks_for(heard):
            case None:
                self.dropped()
            case True:
                self._succeeded(heard)
            case False:
                self._failed(heard)

    def news(self) -> News | None:
        """Give what must be written down; None: nothing new."""
        health, saved = self._health, self._saved
        if health is None or (not self._edges and _is_same(health, saved)):
            return None
        return News(health, tuple(self._edges))

    def noted(self, news: News) -> None:
        """Note that ``news`` are written down."""
        self._saved = news.health
        del self._edges[: len(news.edges)]

    def _succeeded(self, heard: Heard) -> None:
        now, health = heard.ended_at, self._known(heard)
        self._health = replace(
            health, last_success_at=now, failing_since=None, failures=0, last_error=None
        )
        if self.phase is Phase.OPEN:
            return  # it had started before; the probe decides
        self._good, self._bad, self._wrong, self._blocked = self._good + 1, 0, 0, 0
        self._window.grow(heard.most)
        if self.phase is Phase.PROBING:
            self._close(now)
        self._recent.add(now, failed=False)
        if (
            health.condition is Condition.DEGRADED
            and self._good >= HEALTHY_STREAK
            and self._recent.failed_share < HEALTHY_SHARE
        ):
            self._recover(now)

    def _failed(self, heard: Heard) -> None:
        now, health = heard.ended_at, self._known(heard)
        self._health = replace(
            health,
            failing_since=health.failing_since or now,
            failures=health.failures + 1,
            last_error=heard.error,
        )
        kind = heard.outcome.kind
        self._good, self._bad = 0, self._bad + 1
        self._wrong = self._wrong + 1 if kind is OutcomeKind.MISCONFIGURED else 0
        if self.phase is not Phase.OPEN:  # those under way together count once
            self._blocked = self._blocked + 1 if kind is OutcomeKind.BLOCKED else 0
        if kind is OutcomeKind.THROTTLED:
            self._window.shrink(heard.most, heard.started_at, now)
        self._recent.add(now, failed=True)
        hopeless = self._why_hopeless(heard)
        if (
            hopeless is not None
            or self.phase is Phase.PROBING
            or (self.phase is Phase.CLOSED and self._must_open(kind))
        ):
            self._open(heard)
        elif health.condition is Condition.HEALTHY and self._must_degrade():
            self._degrade(heard)
        if hopeless is not None:
            self._edges.append(Edge(HealthEventKind.DISABLED, now, hopeless))

    def _must_open(self, kind: OutcomeKind) -> bool:
        return (
            kind is OutcomeKind.BLOCKED
            or self._bad >= OPENING_STREAK
            or self._wrong >= WRONG_SETTING_STREAK
            or self._recent.failed_share >= OPENING_SHARE
        )

    def _must_degrade(self) -> bool:
        share = self._recent.failed_share
        return self._bad >= DEGRADING_STREAK or share >= DEGRADING_SHARE

    def _open(self, heard: Heard) -> None:
        now, health = heard.ended_at, self._known(heard)
        pauses = min(2**health.opened, LONGEST_PAUSE)
        pause = self._policy.first_pause * pauses * (0.8 + 0.4 * heard.jitter)
        if heard.outcome.retry_after is not None:
            pause = max(pause, min(heard.outcome.retry_after, LONGEST_HOLD))
        was_open = health.condition is Condition.OPEN
        self._health = replace(
            health,
            condition=Condition.OPEN,
            since=health.since if was_open else now,
            open_until=now + pause,
            opened=min(health.opened + 1, LONGEST_PAUSE),
        )
        self.phase = Phase.OPEN
        if not was_open:
            self._edges.append(Edge(HealthEventKind.OPEN, now, heard.error))

    def _close(self, now: datetime) -> None:
        if self._health is not None:
            degraded = Condition.DEGRADED
            self._health = replace(
                self._health, condition=degraded, since=now, open_until=None
            )
        self.phase = Phase.CLOSED
        self._recent.clear()
        self._window.begin_slowly()

    def _degrade(self, heard: Heard) -> None:
        now, health = heard.ended_at, self._known(heard)
        self._health = replace(health, condition=Condition.DEGRADED, since=now)
        if self._degraded_at is None or now - self._degraded_at >= NOT_AGAIN_FOR:
            self._degraded_at = now
            self._edges.append(Edge(HealthEventKind.DEGRADED, now, heard.error))

    def _recover(self, now: datetime) -> None:
        if self._health is None:
            return
        self._health = replace(
            self._health, condition=Condition.HEALTHY, since=now, opened=0
        )
        detail = f"{self._good} requests in a row were taken"
        self._edges.append(Edge(HealthEventKind.RECOVERED, now, detail))

    def _why_hopeless(self, heard: Heard) -> str | None:
        """Say why it is to be disabled; None: it is not, or was said to be before."""
        health, policy = self._known(heard), self._policy
        since = health.failing_since
        if self.is_gone or since is None:
            return None
        if self._blocked >= BLOCKED_STREAK:
            return heard.error
        if (
            health.failures >= policy.disable_tries
            and heard.ended_at - since >= policy.disable_after
        ):
            return f"no success since {since:%Y-%m-%d %H:%M} UTC; {heard.error}"
        return None

    def _known(self, heard: Heard) -> Health:
        return self._health or Health(Condition.HEALTHY, since=heard.started_at)


def _is_same(health: Health, saved: Health | None) -> bool:
    """Tell whether writing ``health`` down is worth nothing."""
    if saved is None or health.last_success_at is None:
        return health == saved
    last = saved.last_success_at
    if last is None or health.last_success_at - last >= SUCCESS_KEPT_EVERY:
        return False
    return replace(health, last_success_at=last) == saved
