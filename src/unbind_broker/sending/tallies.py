"""What a worker has sent since it began, counted where it happens."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from unbind_broker.base.spread import Spread
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.sending.batches import Batch
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.targets import Target

WAITS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43200)
"""Classes of what was waited for until it was sent, in seconds."""
EXCHANGES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Classes of how long a request took, in seconds."""
OTHERS = "other"
MOST_SLUGS = 1000
"""So many platforms are counted by name; those that come later, together."""


class SendingTallies:
    """Counts that only rise. Rehearsals are counted apart, by their results alone."""

    def __init__(self) -> None:
        self.of_platforms: Counter[tuple[str, OutcomeKind]] = Counter()
        self.of_notices: Counter[OutcomeKind] = Counter()
        self.of_rehearsals: Counter[OutcomeKind] = Counter()
        self.sent: Counter[EventType] = Counter()
        self.waited = defaultdict[EventType, Spread](lambda: Spread(WAITS))
        self.took = Spread(EXCHANGES)
        self.lines: Counter[LineStatus] = Counter()
        self.health: Counter[HealthEventKind] = Counter()
        self.stale = 0
        self.not_written = 0
        self._slugs: set[str] = set()

    def exchanged(
        self, target: Target, batch: Batch, exchange: Exchange, at: datetime
    ) -> None:
        """Count a request that began ``at`` that moment, and what came of it."""
        kind = exchange.outcome.kind
        if target.rehearses:
            self.of_rehearsals[kind] += 1
            return
        if target.platform_id is None:
            self.of_notices[kind] += 1
        else:
            self.of_platforms[self._name(target.slug), kind] += 1
        if not exchange.disclosed:
            return
        self.sent[batch.event] += len(batch.works)
        self.took.add(exchange.timings.total_ms / 1000)
        self._wait(batch, at)

    def reported(self, statuses: Sequence[LineStatus]) -> None:
        """Count results that came inside answers."""
        self.lines.update(statuses)

    def _wait(self, batch: Batch, at: datetime) -> None:
        waited = self.waited[batch.event]
        for work in batch.works:
            if work.due_at is not None:
                waited.add(max(0.0, (at - work.due_at).total_seconds()))

    def _name(self, slug: str) -> str:
        if slug not in self._slugs:
            if len(self._slugs) >= MOST_SLUGS:
                return OTHERS
            self._slugs.add(slug)
        return slug
