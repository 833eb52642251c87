"""Deal first sends to the lanes, from the order log.

Lanes at the tail share one read. A lane that has no room left falls behind: it reads on
by itself until it has caught up, and joins the others again.

The log is read in the order of transaction ids, but transactions commit in any order;
see ``frontier``. A lane's durable cursor stays before the oldest transaction under way.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries.queue import REQUESTS
from unbind_broker.orders.positions import Position, just_before
from unbind_broker.sending import log_reads
from unbind_broker.sending.batches import Work
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.log_reads import Behind, Row, Tail, Want
from unbind_broker.sending.payloads import OutgoingItem
from unbind_broker.sending.read_numbers import ReadNumbers

ROWS_OF_TAIL = 256
LEAST_SCAN = 64
MOST_SCAN = 20_000
"""One read looks at no more rows; the next one goes on behind them."""

Lanes = dict[PlatformId, Lane]
Items = dict[UUID, OutgoingItem]


class LogReader:
    """Read the log for all lanes of a worker, one step at a time, never two at once."""

    def __init__(
        self,
        fleet: Fleet,
        briefs: Briefs,
        numbers: ReadNumbers,
        monotonic: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._briefs = briefs
        self._numbers = numbers
        self._monotonic = monotonic
        self._tail: Frontier | None = None

    async def step(self, db: Db, now: datetime) -> set[Lane]:
        """Read on once and return the lanes that got something.

        Each statement must see its own snapshot: ``db`` commits by itself or reads
        committed.
        """
        fed = await self._read_behind(db, now)
        return fed | await self._read_tail(db, now)

    async def _read_behind(self, db: Db, now: datetime) -> set[Lane]:
        lanes = dict(self._lanes(behind=True))
        wants = [
            Want(platform_id, lane.frontier, _scan(lane))
            for platform_id, lane in lanes.items()
            if lane.wants_more
        ]
        if not wants:
            return set()
        with self._numbers.reading() as read:
            found = await log_reads.read_behind(db, wants)
            orders = {row.order_id for one in found.values() for row in one.waiting}
            items = await self._briefs.load(db, now, orders)
            # What a lane let go of meanwhile may lie before what was read for it.
            unmoved = [w for w in wants if lanes[w.platform_id].frontier == w.after]
            return {
                lanes[want.platform_id]
                for want in unmoved
                if self._catch_up(
                    lanes[want.platform_id], found[want.platform_id], items, read
                )
            }

    def _catch_up(self, lane: Lane, found: Behind, items: Items, read: int) -> bool:
        fed = False
        for row in found.waiting:
            if not lane.room:
                lane.frontier = lane.frontier.moved_to(just_before(row), found.snapshot)
                return fed
            fed |= self._offer(lane, row, items, read)
        sparse = len(found.waiting) * 4 < lane.scan
        lane.scan = lane.scan * 2 if sparse and not found.is_complete else 0
        lane.frontier = lane.frontier.moved_to(found.last, found.snapshot)
        if found.is_complete and lane.sends:
            self._join_tail(lane)
        return fed

    def _join_tail(self, lane: Lane) -> None:
        """Join the lanes at the tail.

        This lane's read began after the last read of the tail was dealt out, so it has
        seen everything that the tail leaves out.
        """
        if self._tail is None:
            self._tail = lane.frontier
        lane.behind = False

    async def _read_tail(self, db: Db, now: datetime) -> set[Lane]:
        if self._tail is None:
            return set()
        if next(self._lanes(behind=False), None) is None:
            self._tail = None
            return set()
        with self._numbers.reading() as read:
            tail = await log_reads.read_tail(db, self._tail, ROWS_OF_TAIL)
            lanes = dict(self._lanes(behind=False))
            orders = {
                row.position.order_id
                for row in tail.rows
                if not lanes.keys().isdisjoint(row.platforms)
            }
            items = await self._briefs.load(db, now, orders)
            fed = self._deal(tail, lanes, items, read)
            self._tail = tail.after.moved_to(tail.last, tail.snapshot)
            for lane in lanes.values():
                if not lane.behind:  # by now
                    lane.frontier = self._tail
        return fed

    def _deal(self, tail: Tail, lanes: Lanes, items: Items, read: int) -> set[Lane]:
        fed = set()
        for row in tail.rows:
            for lane in _lanes_of(row, lanes):
                if not lane.room:
                    lane.behind = True
                    missed = just_before(row.position)
                    lane.frontier = tail.after.moved_to(missed, tail.snapshot)
                elif self._offer(lane, row.position, items, read):
                    fed.add(lane)
        return fed

    def _offer(self, lane: Lane, row: Position, items: Items, read: int) -> bool:
        item = items.get(row.order_id)
        if item is None or lane.target is None or lane.target.platform_id is None:
            return False
        item = item.to_platform(lane.target.platform_id)
        work = Work(item, 0, row, self._monotonic(), due_at=item.starts_at)
        return lane.offer(REQUESTS[item.kind], work, read)

    def _lanes(self, *, behind: bool) -> Iterator[tuple[PlatformId, Lane]]:
        for lane in self._fleet:
            target = lane.target
            if lane.behind is not behind or target is None:
                continue
            if target.platform_id is not None and lane.sends:
                yield target.platform_id, lane


def _lanes_of(row: Row, lanes: Lanes) -> list[Lane]:
    """Give the lanes at the tail whose item of this row waits."""
    found = (lanes.get(platform_id) for platform_id in row.platforms)
    return [lane for lane in found if lane is not None and not lane.behind]


def _scan(lane: Lane) -> int:
    lane.scan = min(max(LEAST_SCAN, lane.room, lane.scan), MOST_SCAN)
    return lane.scan
