"""The network of the delivery machine: whatever a worker posts hangs here until the
machine says what came of it. What must be so of every request is looked at on arrival.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from standardwebhooks import Webhook
from typing_extensions import override

from tests.support.clock import FixedClock
from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.sending.answers import outcome_of
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import Outbound

REQUEST_LIMIT = timedelta(seconds=10)
REQUESTED = frozenset({"query.requested", "unbind.requested", "restore.requested"})
_LONGEST_HOLD = timedelta(hours=1)
_TOLD = {OutcomeKind.ACCEPTED, OutcomeKind.PAYLOAD_REFUSED}
Line = dict[str, Any]


class Sends(Protocol):
    """Whoever sends. ``unrecorded`` are the answers that it has in memory."""

    unrecorded: list["Flight"]
    is_stalled: bool

    def epoch_of(self, slug: str) -> int: ...


@dataclass(eq=False)
class Flight:
    """A request under way, and what came of it."""

    worker: Sends
    epoch: int
    slug: str
    webhook_id: str
    type: str
    items: list[dict[str, Any]]
    started: datetime
    came: asyncio.Future[Exchange]
    status: int | None = None
    kind: OutcomeKind | None = None
    lines: list[Line] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [str(item["id"]) for item in self.items]

    @property
    def is_request(self) -> bool:
        return self.type in REQUESTED

    @property
    def may_have_left(self) -> bool:
        """Tell whether the platform may have got it."""
        return self.status is not None or self.kind is OutcomeKind.TIMED_OUT

    @property
    def is_refused_item(self) -> bool:
        """Tell whether one item alone was refused for what it says."""
        refused = self.kind is OutcomeKind.PAYLOAD_REFUSED
        return refused and self.is_request and len(self.items) == 1


@dataclass
class Site:
    """A platform's endpoint: what is in force for it, and what arrived there."""

    slug: str
    url: str
    secret: str
    status: EndpointStatus = EndpointStatus.ACTIVE
    max_batch: int = 3
    max_concurrency: int = 2
    max_rate: float | None = None
    last_start: datetime | None = None
    quiet: dict[object, datetime] = field(default_factory=dict)
    """Until when each owner was told to wait."""
    refuses: set[str] = field(default_factory=set)
    received: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    """Items that were answered 2xx."""
    refused: set[str] = field(default_factory=set)
    """Items that were refused alone."""
    told: set[str] = field(default_factory=set)
    """Items of which it answered, one way or the other, that they were cancelled."""


class Network:
    """All sites, and what is under way to them. ``complaints`` must stay empty."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.sites: dict[str, Site] = {}
        self.flights: list[Flight] = []
        self.complaints: list[str] = []
        self.waits: Callable[[str, str], bool] = lambda _, __: True
        """Whether an item of a platform is one to be sent, as the model knows."""
        self.occasion: Callable[[str, str], object] = lambda _, __: None
        self._names: defaultdict[Any, set[str]] = defaultdict(set)
        self._named: dict[tuple[str, str], Any] = {}

    def begin(
        self,
        worker: Sends,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Flight:
        """Let a request arrive."""
        site = next(one for one in self.sites.values() if one.url == url)
        payload = json.loads(body)
        flight = Flight(
            worker,
            worker.epoch_of(site.slug),
            site.slug,
            headers["webhook-id"],
            payload["type"],
            payload["data"]["items"],
            self.clock.now(),
            asyncio.get_running_loop().create_future(),
        )
        self.complaints += self._faults(site, flight, headers, body)
        self.flights.append(flight)
        site.last_start = flight.started
        if flight.is_request:
            site.received.update(flight.ids)
        return flight

    @property
    def in_order(self) -> list[Flight]:
        """What is under way, in an order that is the same whenever it happens again."""
        return sorted(self.flights, key=lambda one: (one.slug, one.type, one.ids))

    def under_way(self, slug: str) -> list[Flight]:
        return [one for one in self.flights if one.slug == slug]

    def come(
        self,
        flight: Flight,
        status: int | OutcomeKind,
        retry_after: str | None = None,
        lines: list[Line] | None = None,
    ) -> None:
        """Let a request end, with an HTTP status or without an answer."""
        self.flights.remove(flight)
        body = json.dumps({"results": lines}).encode() if lines else b""
        if isinstance(status, OutcomeKind):
            outcome = Outcome(status)
        else:
            outcome = outcome_of(status, retry_after, self.clock.now())
        flight.kind, flight.lines = outcome.kind, lines or []
        flight.status = outcome.status_code
        if outcome.retry_after is not None:
            wait = min(outcome.retry_after, _LONGEST_HOLD)
            quiet = self.sites[flight.slug].quiet
            quiet[flight.worker, flight.epoch] = self.clock.now() + wait
        flight.worker.unrecorded.append(flight)
        self._learn(self.sites[flight.slug], flight)
        error = None if outcome.status_code else "a fault"
        timings, left = Timings(total_ms=5), flight.may_have_left
        if not flight.came.done():
            flight.came.set_result(
                Exchange(outcome, body, error, timings, disclosed=left)
            )

    def _learn(self, site: Site, flight: Flight) -> None:
        """Note what a platform has said; what it refuses alone it knows as well."""
        if flight.is_refused_item:
            site.refused.update(flight.ids)
        elif flight.kind is OutcomeKind.ACCEPTED and flight.is_request:
            site.taken.update(flight.ids)
        elif not flight.is_request and flight.kind in _TOLD:
            site.told.update(flight.ids)

    def time_out(self) -> None:
        """End what has been under way for as long as a request may take."""
        for flight in self.in_order:
            if self.clock.now() - flight.started >= REQUEST_LIMIT:
                self.come(flight, OutcomeKind.TIMED_OUT)

    def cut(self, worker: Sends) -> None:
        """Drop what a worker that died had under way."""
        self.flights = [one for one in self.flights if one.worker is not worker]

    def _faults(
        self, site: Site, flight: Flight, headers: Mapping[str, str], body: bytes
    ) -> Iterator[str]:
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        signed = Webhook(site.secret).sign(flight.webhook_id, at, body.decode())
        if signed not in headers["webhook-signature"].split():
            yield f"{site.slug}: wrongly signed"
        yield from self._limit_faults(site, flight)
        yield from self._crowd_faults(site, flight)
        yield from self._owner_faults(site, flight)
        yield from self._name_faults(site, flight)
        if not flight.is_request:
            return
        now = self.clock.now()
        for item in flight.items:
            if datetime.fromisoformat(item["deadline"]) <= now:
                yield f"{site.slug}: {item['id']} was sent after its deadline"
            if not self.waits(site.slug, item["id"]):
                yield f"{site.slug}: {item['id']} was sent, and does not wait"

    def _limit_faults(self, site: Site, flight: Flight) -> Iterator[str]:
        if site.status is not EndpointStatus.ACTIVE:
            yield f"{site.slug}: a request, and it is {site.status}"
        if len(flight.ids) > site.max_batch:
            yield f"{site.slug}: {len(flight.ids)} items at once"
        if site.max_rate is not None and site.last_start is not None:
            apart = flight.started - site.last_start
            if apart < timedelta(seconds=1 / site.max_rate):
                yield f"{site.slug}: requests {apart} apart at {site.max_rate}/s"

    def _owner_faults(self, site: Site, flight: Flight) -> Iterator[str]:
        if flight.worker.is_stalled:
            yield f"{site.slug}: a request of a worker whose lease has ended"
        quiet = site.quiet.get((flight.worker, flight.epoch))
        if quiet is not None and flight.started < quiet:
            yield f"{site.slug}: a request before {quiet}, in spite of Retry-After"

    def _crowd_faults(self, site: Site, flight: Flight) -> Iterator[str]:
        if len(set(flight.ids)) < len(flight.ids):
            yield f"{site.slug}: an item twice in one request"
        others = self.under_way(site.slug)
        if len(others) >= site.max_concurrency:
            yield f"{site.slug}: {len(others) + 1} requests at once"
        for other in others:
            both = set(other.ids) & set(flight.ids)
            if both and flight.is_request and other.is_request:
                yield f"{site.slug}: {both} is under way twice"

    def _name_faults(self, site: Site, flight: Flight) -> Iterator[str]:
        about = tuple(
            sorted((one, self.occasion(site.slug, one)) for one in flight.ids)
        )
        key = (site.slug, flight.type, about)
        self._names[key].add(flight.webhook_id)
        if len(self._names[key]) > 1:
            yield f"{key} has names {self._names[key]}"
        first = self._named.setdefault((site.slug, flight.webhook_id), key)
        if first != key:
            yield f"{flight.webhook_id} names {first} and {key}"


class Wire(Outbound):
    """One worker's way into the network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.worker: Sends

    @override
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, limit: timedelta
    ) -> Exchange:
        flight = self._network.begin(self.worker, url, headers, body)
        return await flight.came
