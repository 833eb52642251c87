"""What the owner of an endpoint keeps in memory: what to send, what is on its way."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.breaker import (
    LONGEST_HOLD,
    Breaker,
    BreakerPolicy,
    Phase,
)
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import Health
from unbind_broker.orders.positions import Position, just_before
from unbind_broker.sending.batches import Batch, Work
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.leases import Tenancy
from unbind_broker.sending.pace import Pace
from unbind_broker.sending.payloads import Key, most_together
from unbind_broker.sending.read_numbers import ReadNumbers, Tombstones
from unbind_broker.sending.targets import Target

LEAST_CAPACITY = 64
"""Even a lane that sends items one by one reads so many at once."""


class Lane:
    """One owned endpoint. Times are seconds of the monotonic clock.

    Everything handed to the lane is *pending* until what came of it is recorded, and
    the durable cursor never passes a pending item of the log. A carrier's lane has
    nothing to do with the log.
    """

    def __init__(
        self,
        endpoint_id: EndpointId,
        epoch: int,
        cursor: Position,
        lease_ends: float,
        numbers: ReadNumbers,
    ) -> None:
        self.endpoint_id = endpoint_id
        self.epoch = epoch
        self.lease_ends = lease_ends
        self.target: Target | None = None
        self.breaker: Breaker | None = None  # until it is known how the endpoint does
        self.frontier = Frontier(cursor)  # how far the log has been read
        self.behind = True  # reads the log by itself, not with the others
        self.scan = 0  # rows of the log to look at in its next own read
        self.draining = False  # is about to be given back: starts nothing more
        self.lost = False  # somebody else may own the endpoint
        self.in_flight = 0
        self._pending: dict[Key, Work] = {}
        self._fresh: dict[EventType, deque[Work]] = {}
        self._again: deque[Batch] = deque()
        self._again_last = False
        self._pending_again = 0
        self._tombstones = Tombstones(numbers)
        self._pace = Pace(0.0)
        self._held_until = 0.0
        self._gone = 0  # answers 410 that are not recorded yet

    @property
    def tenancy(self) -> Tenancy:
        """Name this ownership of the endpoint."""
        return Tenancy(self.endpoint_id, self.epoch)

    @property
    def sends(self) -> bool:
        """Tell whether new requests may be started at all."""
        known = self.target is not None and self.breaker is not None
        return known and not self.draining and not self.lost

    @property
    def capacity(self) -> int:
        """Give how many items may be pending: twice what can be in flight, or more.

        One request's worth before a probe, none while the circuit is open.
        """
        target = self.target
        if target is None or self.breaker is None or not self.breaker.reads:
            return 0
        if self.breaker.phase is Phase.READY:
            return target.max_batch
        return max(LEAST_CAPACITY, target.max_batch * target.max_concurrency * 2)

    @property
    def room(self) -> int:
        """Give how many more items the lane takes."""
        return max(0, self.capacity - len(self._pending)) if self.sends else 0

    @property
    def reads_log(self) -> bool:
        """Tell whether first sends come from the log: carriers have no items."""
        return self.target is not None and self.target.platform_id is not None

    @property
    def wants_more(self) -> bool:
        """Tell whether reading on in the log is worth a statement of its own."""
        return self.reads_log and self.room * 2 >= self.capacity > 0

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is in flight and nothing awaits its record."""
        return not self.in_flight and not self._pending

    @property
    def pending_again(self) -> int:
        """Give how many pending items came from ``deliveries``."""
        return self._pending_again

    @property
    def position(self) -> Position:
        """Give the place in the log up to which everything has been read."""
        return self.frontier.safe

    @property
    def cursor(self) -> Position:
        """Give the durable cursor: every item of the log up to it is recorded."""
        rows = [work.position for work in self._pending.values() if work.position]
        oldest = min(rows, default=None)
        return (
            self.position if oldest is None else min(self.position, just_before(oldest))
        )

    def retarget(self, target: Target | None, now: float) -> None:
        """Take what the endpoint's owner or an administrator changed."""
        if self._gone:  # that is newer than what is written
            target = None
        before, self.target = self.target, target
        goes_on = before and target and not before.is_another(target)
        if not (goes_on or self._gone):  # how it ended is still to be written down
            self.breaker = None
        if target is None or (before and before.max_batch > target.max_batch):
            self.drop_unsent()
        if target is not None:
            self._pace.change(target.max_rate, now)

    def judge(self, health: Health | None, policy: BreakerPolicy) -> None:
        """Take up what is known of the endpoint, unless this owner knows more."""
        if self.target is not None and self.breaker is None:
            self.breaker = Breaker(health, policy)

    def look(self, now: datetime) -> None:
        """Let a probe go if it is time for one."""
        if self.breaker is not None:
            self.breaker.look(now)

    def heard(self, heard: Heard) -> None:
        """Draw conclusions from an exchange at once, for everything that waits."""
        if self.breaker is None:
            return
        self.breaker.heard(heard)
        if self.breaker.phase is Phase.OPEN or self.breaker.is_gone:
            self.drop_unsent()

    def gone(self, now: float) -> None:
        """Send nothing more to an endpoint that does not want to be one any more."""
        self._gone += 1
        self.retarget(None, now)

    def gone_noted(self) -> None:
        """Note that it is written down, or never will be: trust what is written."""
        self._gone -= 1

    def drain(self) -> None:
        """Start nothing more, so that the endpoint can be given back."""
        self.draining = True
        self.drop_unsent()

    def lose(self) -> None:
        """Start nothing more, and leave the endpoint to whoever takes it."""
        self.lost = True
        self.drop_unsent()

    def drop_unsent(self) -> None:
        """Forget what has not been sent; it is read again from where it came."""
        if not self._fresh and not self._again:
            self.behind = True
            return
        unsent = [work for queue in self._fresh.values() for work in queue]
        unsent += [work for batch in self._again for work in batch.works]
        self._fresh.clear()
        self._again.clear()
        self.put_back(unsent)

    def put_back(self, works: Iterable[Work]) -> None:
        """Let go of items of which nothing was recorded; they are read again."""
        works = list(works)
        self.forget(work.key for work in works)
        self.behind = True
        for work in works:
            if work.position is not None:
                self.frontier = self.frontier.back_to(just_before(work.position))

    def offer(self, event: EventType, work: Work, read: int) -> bool:
        """Take an item that the log names, unless it is known already."""
        if not self.is_new(work.key, read):
            return False
        self._keep(work)
        self._fresh.setdefault(event, deque()).append(work)
        return True

    def offer_again(self, event: EventType, works: Sequence[Work], read: int) -> bool:
        """Take what is due together; larger than a batch, it parts."""
        target = self.target
        new = [work for work in works if self.is_new(work.key, read)]
        if target is None or not new:
            return False
        for work in new:
            self._keep(work)
        most = most_together(event, target.max_batch)
        for start in range(0, len(new), most):
            self._again.append(Batch(event, new[start : start + most]))
        return True

    def is_new(self, key: Key, read: int) -> bool:
        """Tell whether a row of that read is neither pending nor out of date."""
        return key not in self._pending and not self._tombstones.hides(key, read)

    def may_start(self, now: float, needed: float) -> bool:
        """Tell whether a request may start: ``needed`` must be left of the lease."""
        return self.sends and self.lease_ends - now > needed

    def wait(self, now: float, needed: float) -> float | None:
        """Return the seconds until a request may start; None: not before news."""
        target, breaker = self.target, self.breaker
        if target is None or breaker is None or not (self._fresh or self._again):
            return None
        most = breaker.most(target.max_concurrency)
        if self.in_flight >= most or not self.may_start(now, needed):
            return None
        return max(self._pace.wait(now), self._held_until - now, 0.0)

    def take(self, now: float) -> Batch | None:
        """Start a request: its items leave the buffer and stay pending."""
        target = self.target
        if target is None or self.breaker is None or not (self._fresh or self._again):
            return None
        self.breaker.started()
        self._again_last = bool(self._again) and not (self._fresh and self._again_last)
        batch = self._again.popleft() if self._again_last else self._take_fresh(target)
        self.in_flight += 1
        self._pace.spend(now)
        return batch

    def begin(self, now: float, patience: float) -> float | None:
        """Return the seconds until a request that was started may go out.

        None: more than ``patience``; what is in it is put back.
        """
        return self._pace.begin(now, patience)

    def finish(self) -> None:
        """Note that a request is over; a probe that was not sent is due once more."""
        self.in_flight -= 1
        if self.breaker is not None:
            self.breaker.dropped()

    def hold(self, retry_after: timedelta, now: float) -> None:
        """Obey ``Retry-After`` for everything that goes to the endpoint."""
        until = now + min(retry_after, LONGEST_HOLD).total_seconds()
        self._held_until = max(self._held_until, until)

    def recorded(self, keys: Collection[Key]) -> None:
        """Note that what came of these has been committed."""
        for key in keys:
            if self._let_go(key):
                self._tombstones.bury(key)

    def forget(self, keys: Iterable[Key]) -> None:
        """Let go of that of which nothing was recorded."""
        for key in keys:
            self._let_go(key)

    def _keep(self, work: Work) -> None:
        self._pending[work.key] = work
        self._pending_again += work.position is None

    def _let_go(self, key: Key) -> bool:
        work = self._pending.pop(key, None)
        if work is None:
            return False
        self._pending_again -= work.position is None
        return True

    def _take_fresh(self, target: Target) -> Batch:
        event = min(self._fresh, key=lambda event: self._fresh[event][0].taken_at)
        queue = self._fresh[event]
        count = min(len(queue), target.max_batch)
        batch = Batch(event, [queue.popleft() for _ in range(count)])
        if not queue:
            del self._fresh[event]
        return batch
