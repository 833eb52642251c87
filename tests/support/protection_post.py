"""What a worker has under way to platforms: read from log and queue, sent, lost.

Lanes are kept by the real reads. A position is passed when a worker has read it and has
nothing to do there, or has recorded what came of it; never before.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import START, a_batch, a_cancel, a_target, a_work, ended
from tests.sending.record_desk import ME
from tests.support.clock import NOON
from tests.support.protection_truth import SENSITIVE, Request, Truth
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.positions import Position
from unbind_broker.orders.tables import order_log
from unbind_broker.sending import leases, log_reads
from unbind_broker.sending.batches import Batch, Work
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.log_reads import Want
from unbind_broker.sending.payloads import OutgoingItem, key_of
from unbind_broker.sending.read_numbers import ReadNumbers

_START = Frontier(START)
_MANY = 1000
_AT_ONCE = 2
Line = dict[str, Any]


@dataclass(eq=False)
class Flight:
    """A request under way: its items are in the lane's hands until it is recorded."""

    slug: str
    finished: Finished
    positions: list[Position]
    answered: list[Line]


@dataclass
class PostOffice:
    """One worker that owns every lane."""

    engine: AsyncEngine
    truth: Truth
    lanes: Mapping[str, Lane]
    passed: dict[str, set[Position]]
    flights: list[Flight] = field(default_factory=list)

    async def post(
        self,
        now: datetime,
        slug: str,
        kind: OutcomeKind,
        answer: Callable[[Request], Line] | None,
    ) -> None:
        """Send a platform what waits for it; what came of it is recorded later."""
        waiting = await self._waiting(slug, now)
        if not waiting:
            return
        event, works = waiting[0][0], [work for _, work in waiting[:_AT_ONCE]]
        batch = a_batch(works=works, event=event)
        lines: list[Line] = []
        if kind is not OutcomeKind.UNREACHABLE:
            requests = self._arrive(slug, batch)
            if answer and kind is OutcomeKind.ACCEPTED:
                lines = [answer(one) for one in requests]
        body = json.dumps({"results": lines}).encode() if lines else b""
        finished = ended(batch, kind, lane=self.lanes[slug], answer=body, at=now)
        finished = replace(finished, sensitive=slug == SENSITIVE)
        positions = [one.position for one in works if one.position]
        self.flights.append(Flight(slug, finished, positions, lines))

    def _arrive(self, slug: str, batch: Batch) -> list[Request]:
        contents = [work.content for work in batch.works]
        items = [one for one in contents if isinstance(one, OutgoingItem)]
        return [self.truth.arrive(slug, one) for one in items]

    async def _waiting(self, slug: str, now: datetime) -> list[tuple[EventType, Work]]:
        """Read what may be sent now, all of one type; what does not wait is passed."""
        await self.read_on(slug)
        async with self.engine.connect() as db:
            due = await queue.due(db, now, {self.lanes[slug].endpoint_id: _MANY})
            rows = await self._ahead(db, slug)
            ids = {row.order_id for row in rows}
            ids |= {one.subject.subject_id for one in due}
            briefs = await Briefs(SEALER).load(db, now, ids)
        platform = self._platform(slug)
        items = {one.order_id: one.to_platform(platform) for one in briefs.values()}
        found: dict[Any, tuple[EventType, Work]] = {}
        for one in due:
            event, order_id = one.subject.event, one.subject.subject_id
            content = items.get(order_id)
            if event is EventType.UNBIND_CANCELLED:
                last = NOON + timedelta(days=60)
                work = a_work(None, item=a_cancel(order_id, deadline=last))
            elif content is not None:
                work = a_work(None, item=content, attempt=one.attempt)
            else:
                continue
            found[key_of(event, order_id)] = (event, work)
        for row in rows:
            item = items.get(row.order_id)
            if item is None:
                self.passed[slug].add(row)  # its order is held; a release logs it anew
            else:
                work = replace(a_work(item=item), position=row)
                found.setdefault(item.key, (queue.REQUESTS[item.kind], work))
        free = [one for key, one in found.items() if key not in self._in_hand(slug)]
        return [one for one in free if one[0] is free[0][0]]

    async def _ahead(self, db: Db, slug: str) -> Sequence[Position]:
        platform = self._platform(slug)
        read = await log_reads.read_behind(db, [Want(platform, _START, _MANY)])
        return [one for one in read[platform].waiting if one not in self.passed[slug]]

    def _in_hand(self, slug: str) -> set[Any]:
        own = [one.finished.batch for one in self.flights if one.slug == slug]
        return {key for batch in own for key in batch.keys}

    def requests_in_hand(self, slug: str) -> set[UUID]:
        """Tell of which orders a request to this platform is under way."""
        own = [one.finished.batch for one in self.flights if one.slug == slug]
        return {one for batch in own if batch.is_request for one in batch.subject_ids}

    def done(self, flight: Flight) -> None:
        """Let the cursor pass what is recorded."""
        self.passed[flight.slug].update(flight.positions)

    async def read_on(self, slug: str) -> None:
        """Let a platform's cursor pass what does not wait."""
        platform = self._platform(slug)
        async with self.engine.connect() as db:
            rows = await db.execute(select(order_log.c.xid, order_log.c.order_id))
            every = {Position(*row) for row in rows}
            read = await log_reads.read_behind(db, [Want(platform, _START, _MANY)])
        self.passed[slug] |= every - set(read[platform].waiting)

    def _platform(self, slug: str) -> PlatformId:
        target = self.lanes[slug].target
        assert target is not None
        assert target.platform_id is not None
        return target.platform_id


async def open_post_office(
    db: Db, engine: AsyncEngine, truth: Truth, platforms: Mapping[str, PlatformId]
) -> PostOffice:
    """Own the lanes of those of the platforms that are posted to."""
    owned = await leases.claim(db, ME, timedelta(days=1), _MANY)
    epochs = {one.tenancy.endpoint_id: one.tenancy.epoch for one in owned}
    found = await db.execute(select(endpoints.c.platform_id, endpoints.c.id))
    by_platform = {row.platform_id: row.id for row in found}
    lanes = {}
    for slug, platform in platforms.items():
        endpoint = by_platform[platform]
        if endpoint in epochs:
            lane = Lane(endpoint, epochs[endpoint], START, 1000.0, ReadNumbers())
            lane.retarget(a_target(endpoint_id=endpoint, platform_id=platform), 0.0)
            lanes[slug] = lane
    return PostOffice(engine, truth, lanes, {slug: set() for slug in lanes})
