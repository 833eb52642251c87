"""Gather what came of exchanges and write it down together; lose none of it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import is_refusal
from unbind_broker.base.ids import CarrierId, WorkerId
from unbind_broker.callbacks.braking import consider
from unbind_broker.callbacks.results import Applying
from unbind_broker.deliveries.announcing import UNTIL_KNOWN
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.notices.ending import settle
from unbind_broker.sending import leases
from unbind_broker.sending.attempt_lines import tell_attempt
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.record import Written, write
from unbind_broker.sending.standing import Noted
from unbind_broker.sending.tallies import SendingTallies
from unbind_broker.sending.verdicts import Plans

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.01
MOST_TOGETHER = 2_000
MOST_UNRECORDED = 5_000
MOST_BEHIND = 0.5
"""Seconds that what came of an exchange may wait for its record before nothing more is
sent: all that waits is sent again if this process dies."""
MOST_REFUSALS = 5
"""So often the database may refuse one exchange's record before it is given up."""
SENT_AGAIN_AFTER = 60.0
"""Seconds until what was sent without a record is let go, to be sent again: whoever
receives it must not pay for the broker's fault with a request a second."""
LONGEST_UNRECORDED = UNTIL_KNOWN.total_seconds() / 2
"""Seconds after which whoever cannot write down what it sent leaves the endpoint to
others: by ``UNTIL_KNOWN`` its lease must have run out, too."""


@dataclass(eq=False)
class _Entry:
    finished: Finished
    put_at: float  # second of the event loop's clock
    suspect: bool = False  # the database refused something that it was part of
    refusals: int = 0  # of it alone

    @property
    def size(self) -> int:
        return len(self.finished.batch.works)


class Recorder:
    """Record in the background.

    ``woken`` is called when there is something to do, ``rested`` with the lanes of
    which something was recorded.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        worker: WorkerId,
        plans: Plans,
        now: Callable[[], datetime],
        applying: Applying,
        sent_again_after: float = SENT_AGAIN_AFTER,
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._plans = plans
        self._now = now
        self._applying = applying
        self._entries: deque[_Entry] = deque()
        self._items = 0
        self._unsettled: set[UUID] = set()
        self._alarming: set[CarrierId] = set()
        self._sent_again_after = sent_again_after
        self._unwritten: set[Lane] = set()
        self.tallies = SendingTallies()
        self.woken: Callable[[], None] = lambda: None
        self.rested: Callable[[Collection[Lane]], None] = lambda _: None

    @property
    def is_congested(self) -> bool:
        """Tell whether so much is unrecorded that nothing more should be sent."""
        if not self._entries:
            return False
        behind = asyncio.get_running_loop().time() - self._entries[0].put_at
        return self._items > MOST_UNRECORDED or behind > MOST_BEHIND

    @property
    def unrecorded(self) -> int:
        """Give how many items were sent and are not written down."""
        return self._items

    def behind(self, now: float) -> float:
        """Give the seconds for which the oldest of it has waited."""
        return now - self._entries[0].put_at if self._entries else 0.0

    @property
    def is_empty(self) -> bool:
        """Tell whether everything is recorded, and what follows from it is done."""
        return not (
            self._entries or self._unsettled or self._alarming or self._unwritten
        )

    def overdue(self, longest: float = LONGEST_UNRECORDED) -> set[Lane]:
        """Give the lanes of which something has been unrecorded for too long."""
        before = asyncio.get_running_loop().time() - longest
        return {one.finished.lane for one in self._entries if one.put_at <= before}

    def put(self, finished: Finished) -> None:
        """Take charge of what came of an exchange."""
        tell_attempt(finished, self._plans)
        put_at = asyncio.get_running_loop().time()
        self._entries.append(_Entry(finished, put_at))
        self._items += len(finished.batch.works)
        self.woken()

    async def step(self) -> float:
        """Write down what there is, and settle; return the pause in seconds.

        If the database fails, everything is kept for the next step.
        """
        if 0 < self._items < MOST_TOGETHER:
            await asyncio.sleep(GATHER_SECONDS)
        entries = self._next()
        if entries:
            await self._record(entries)
        if self._unsettled:
            await self._settle()
        if self._alarming:
            await self._consider()
        if self._unwritten:
            await self._admit()
        return 0.0 if self._entries else 1.0

    def _next(self) -> list[_Entry]:
        chosen: list[_Entry] = []
        size = 0
        for entry in self._entries:
            alone = entry.suspect or size + entry.size > MOST_TOGETHER
            if chosen and alone:
                break
            chosen.append(entry)
            size += entry.size
            if entry.suspect:
                break
        return chosen

    async def _record(self, entries: Sequence[_Entry]) -> None:
        finished = [entry.finished for entry in entries]
        try:
            async with self._engine.begin() as db:
                now = self._now()
                written = await write(
                    db, now, self._worker, finished, self._plans, self._applying
                )
        except DBAPIError as error:
            if is_refusal(error):
                self._set_aside(entries)
            raise
        self._unsettled |= written.touched
        self._alarming |= written.alarming
        self.tallies.reported(written.lines)
        self._done(entries, written)
        rehearsing = {one.lane for one in finished if one.rehearses}
        for noted in written.noted:
            if noted.lane not in rehearsing:
                self.tallies.health.update(edge.kind for edge in noted.news.edges)
            _say(noted)

    def _done(self, entries: Sequence[_Entry], written: Written) -> None:
        for entry in entries:
            self._entries.popleft()
            self._leave(entry)
            lane, batch = entry.finished.lane, entry.finished.batch
            if entry.finished in written.stale:
                lane.lost = True
                self.tallies.stale += 1
                lane.forget(batch.keys)
            else:
                lane.recorded(batch.keys)
        self.rested({entry.finished.lane for entry in entries})

    def _set_aside(self, entries: Sequence[_Entry]) -> None:
        """Find out which record the database refuses, and let the others pass it."""
        if len(entries) > 1:
            for entry in entries:
                entry.suspect = True
            return
        entry = self._entries.popleft()
        entry.suspect = True
        entry.refusals += 1
        if entry.refusals < MOST_REFUSALS:
            self._entries.append(entry)
            return
        self._give_up(entry)

    def _give_up(self, entry: _Entry) -> None:
        """Keep from being sent at once what was sent and cannot be written down."""
        self._leave(entry)
        self.tallies.not_written += 1
        lane, works = entry.finished.lane, entry.finished.batch.works
        log.error("record_refused", extra={"endpoint_id": lane.endpoint_id})
        self._unwritten.add(lane)
        loop = asyncio.get_running_loop()
        loop.call_later(self._sent_again_after, lane.put_back, works)

    def _leave(self, entry: _Entry) -> None:
        self._items -= entry.size
        if entry.finished.exchange.outcome.kind is OutcomeKind.GONE:
            entry.finished.lane.gone_noted()

    async def _settle(self) -> None:
        order_ids = set(self._unsettled)
        async with self._engine.begin() as db:
            await settle(db, self._now(), order_ids)
        self._unsettled -= order_ids

    async def _consider(self) -> None:
        carriers = set(self._alarming)
        async with self._engine.begin() as db:
            await consider(db, self._now(), carriers, self._applying.brake)
        self._alarming -= carriers

    async def _admit(self) -> None:
        """Admit that of these endpoints' requests not all are written down."""
        lanes = set(self._unwritten)
        owned = [leases.Owned(lane.tenancy, lane.cursor) for lane in lanes]
        async with self._engine.begin() as db:
            await leases.note_unwritten(db, self._worker, owned)
        self._unwritten -= lanes


def _say(noted: Noted) -> None:
    """Log what has been written down, and let the breaker forget that it must be."""
    noted.breaker.noted(noted.news)
    for edge in noted.news.edges:
        facts = {
            "endpoint_id": noted.lane.endpoint_id,
            "edge": edge.kind.value,
            "detail": edge.detail,
        }
        log.warning("endpoint_health", extra=facts)
