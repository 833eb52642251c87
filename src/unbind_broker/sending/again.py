"""Deal items that are due again to the lanes, from ``deliveries``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import Due
from unbind_broker.sending.batches import Work
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.payloads import OutgoingItem
from unbind_broker.sending.read_numbers import ReadNumbers

Items = dict[UUID, OutgoingItem]


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

    async def step(self, db: Db, now: datetime) -> set[Lane]:
        """Read once and return the lanes that got something."""
        rooms = self._rooms()
        if not rooms:
            return set()
        with self._numbers.reading() as read:
            rows = await queue.due(db, now, rooms)
            items = await self._briefs.load(
                db, now, {row.subject.order_id for row in rows}
            )
            fed = set()
            for endpoint_id, group in groupby(
                rows, lambda row: row.subject.endpoint_id
            ):
                lane = self._fleet.get(endpoint_id)
                if lane is None:
                    continue
                for together in _groups(list(group), rooms[endpoint_id]):
                    if self._offer(lane, together, items, read):
                        fed.add(lane)
        return fed

    def _offer(
        self, lane: Lane, together: Sequence[Due], items: Items, read: int
    ) -> bool:
        works = [
            Work(item, row.attempt, None, self._monotonic())
            for row in together
            if (item := items.get(row.subject.order_id)) is not None
        ]
        event = together[0].subject.event
        return lane.room > 0 and lane.offer_again(event, works, read)

    def _rooms(self) -> dict[EndpointId, int]:
        """Say how many rows to read for each lane that has room for a whole batch.

        The rows of what is pending are read again, on top.
        """
        return {
            lane.endpoint_id: lane.room + lane.pending_again
            for lane in self._fleet
            if lane.target is not None and lane.room >= lane.target.max_batch
        }


def _groups(rows: Sequence[Due], room: int) -> list[list[Due]]:
    """Part rows into what failed together and so is sent together again.

    The last group may have been cut off by the limit; it is left for the next read.
    """
    groups = [
        list(group)
        for _, group in groupby(rows, lambda row: (row.due_at, row.subject.event))
    ]
    if len(rows) >= room and len(groups) > 1:
        groups.pop()
    return groups
