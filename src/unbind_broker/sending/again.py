"""Deal to the lanes what is due: items once more, cancellations and notices."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby

from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.due_endpoints import find_due
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.sending import contents
from unbind_broker.sending.batches import Work
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.floors import Floors
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.payloads import Outgoing, OutgoingItem, key_of
from unbind_broker.sending.read_numbers import ReadNumbers

Contents = dict[Subject, Outgoing]


class AgainReader:
    """Read what is due again for all lanes of a worker."""

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
        self._floors = Floors(monotonic)

    async def step(self, db: Db, now: datetime) -> set[Lane]:
        """Read once and return the lanes that got something."""
        with self._numbers.reading() as read:
            rooms = self._rooms(await self._due(db, now))
            if not rooms:
                return set()
            floors = self._floors.of(rooms)
            rows = await queue.due(db, now, rooms, floors)
            self._floors.note(rooms.keys() - floors.keys(), now, rows)
            new = [row for row in rows if self._is_new(row, read)]
            loaded = await contents.load(db, now, self._briefs, new)
            await queue.delete(db, loaded.outdated)
            fed = set()
            for endpoint_id, group in groupby(
                rows, lambda row: row.subject.endpoint_id
            ):
                lane = self._fleet.get(endpoint_id)
                if lane is None:
                    continue
                for together in _groups(list(group), rooms[endpoint_id]):
                    if self._offer(lane, together, loaded.contents, read):
                        fed.add(lane)
        return fed

    async def _due(self, db: Db, now: datetime) -> set[EndpointId]:
        """Name the endpoints that are worth a read, most often none."""
        look = self._floors.look(now, [lane.endpoint_id for lane in self._fleet])
        whole = self._rooms(look.whole).keys()
        due = await find_due(db, now, whole, queue.BEGINNING)
        self._floors.note(whole - due, now, ())
        return due | await find_due(db, now, look.recent, look.since) | {*look.backlog}

    def _is_new(self, row: Due, read: int) -> bool:
        lane = self._fleet.get(row.subject.endpoint_id)
        key = key_of(row.subject.event, row.subject.subject_id)
        return lane is not None and lane.is_new(key, read)

    def _offer(
        self, lane: Lane, together: Sequence[Due], found: Contents, read: int
    ) -> bool:
        works = [
            self._work(_for(lane, content), row)
            for row in together
            if (content := found.get(row.subject)) is not None
        ]
        event = together[0].subject.event
        return lane.room > 0 and lane.offer_again(event, works, read)

    def _work(self, content: Outgoing, row: Due) -> Work:
        at = self._monotonic()
        tried = max(0, row.attempt)
        due = (row.occasion, row.replay, row.due_at)
        return Work(content, tried, None, at, *due)

    def _rooms(self, endpoint_ids: Iterable[EndpointId]) -> dict[EndpointId, int]:
        """Say how many rows to read for each lane that has room for a whole batch.

        The rows of what is pending are read again, on top.
        """
        lanes = (self._fleet.get(one) for one in endpoint_ids)
        return {
            lane.endpoint_id: room + lane.pending_again
            for lane in lanes
            if lane is not None
            and lane.target is not None
            and (room := lane.room) >= lane.target.max_batch
        }


def _for(lane: Lane, content: Outgoing) -> Outgoing:
    if lane.target is None or lane.target.platform_id is None:
        return content
    if not isinstance(content, OutgoingItem):
        return content
    return content.to_platform(lane.target.platform_id)


def _groups(rows: Sequence[Due], room: int) -> list[list[Due]]:
    """Part rows into what was sent together and so is sent together again.

    Those of the last instant may have been cut off by the limit; they are left for the
    next read.
    """
    groups = [list(group) for _, group in groupby(rows, _bond)]
    if len(rows) >= room:
        last = rows[-1].due_at
        while len(groups) > 1 and groups[-1][0].due_at == last:
            groups.pop()
    return groups


def _bond(row: Due) -> tuple[object, ...]:
    """Say what is equal for all that goes into one request."""
    return row.due_at, row.subject.event, row.occasion, row.replay
