# ruff: noqa: S608 - only enum codes are put into statements
"""Send once more what an endpoint was sent, because its owner asks for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import (
    INSTANT,
    INT,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, uuid7_floor
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.deliveries.queue import REQUEST_EVENTS, REQUESTS
from unbind_broker.deliveries.spreading import (
    Plan,
    Redelivery,
    Sent,
    Thing,
    in_parts,
    lay_out,
)
from unbind_broker.deliveries.undelivered import requeued_on
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.orders.states import OrderKind, OrderStatus

MOST_AT_ONCE = 100_000
"""So many things one call repeats, and so many requests it reads, at most; it says from
where to go on. The same thing may have been sent any number of times."""

_PAGE = 500
_WAVE = EventType.CLEARANCE_PUBLISHED
_REPEATED = ", ".join(
    str(event.code)
    for event in (
        *REQUESTS.values(),
        EventType.UNBIND_CANCELLED,
        _WAVE,
    )
)

_SENT = sql(
    f"""
    SELECT id, event, order_ids, started_at, occasion FROM attempts
    WHERE endpoint_id = :endpoint AND id > :behind
        AND started_at >= :since AND event IN ({_REPEATED})
    ORDER BY id
    LIMIT {_PAGE}
    """,
    endpoint=INT,
    behind=UUID_TYPE,
    since=INSTANT,
)
# Looked up row by row (LATERAL with LIMIT): Postgres must not decide to read all.
_STANDING = sql(
    """
    SELECT n.order_id, i.status, i.attempts, i.joined,
        o.kind, o.status AS order_status, o.deadline
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (
        SELECT status, attempts, follows IS NOT NULL AS joined FROM items
        WHERE order_id = n.order_id AND platform_id = :platform LIMIT 1
    ) i
    CROSS JOIN LATERAL (
        SELECT kind, status, deadline FROM orders WHERE id = n.order_id LIMIT 1
    ) o
    """,
    orders=UUIDS,
    platform=INT,
)
_OPEN_WAVES = sql(
    f"""
    SELECT w.notice_id
    FROM unnest(:notices) AS n (notice_id)
    JOIN clearance_waves w ON w.notice_id = n.notice_id
    JOIN clearance_platforms p ON p.clearance_id = w.clearance_id
        AND p.platform_id = :platform AND p.wave = w.wave
    JOIN clearances c ON c.id = w.clearance_id
    WHERE p.complete_at IS NULL AND c.deadline > :now
        AND c.status = {ClearanceStatus.IN_PROGRESS.code}
    """,
    notices=UUIDS,
    platform=INT,
    now=INSTANT,
)


async def replay_since(
    db: Db,
    now: datetime,
    endpoint: Endpoint,
    since: datetime,
    statuses: Collection[ItemStatus] | None,
    most: int = MOST_AT_ONCE,
) -> Redelivery:
    """Find what a platform was sent since then and has not finished.

    That items were cancelled is repeated too, and what tells of the waves of
    clearances, unless ``statuses`` are named.
    """
    found = Redelivery()
    groups = await _sent_since(db, endpoint, since, most, found)
    await _replay_items(db, now, endpoint, groups, statuses, found)
    return found


async def replay_items(
    db: Db,
    now: datetime,
    endpoint: Endpoint,
    items: Mapping[UUID, bool],
    statuses: Collection[ItemStatus] | None,
) -> Redelivery:
    """Find these items, each by itself; the value tells queries from orders.

    One that was requeued goes by the name that it had the last time.
    """
    found = Redelivery()
    standing = await _standing(db, endpoint, list(items))
    occasions = await requeued_on(db, endpoint.platform_id, list(items))
    groups = []
    for order_id, is_query in items.items():
        row = standing.get(order_id)
        kind = None if row is None else OrderKind.from_code(row.kind)
        if kind is None or (kind is OrderKind.QUERY) is not is_query:
            found.unknown += 1
        else:
            request = Thing(REQUESTS[kind], order_id)
            groups.append(Sent([request], occasions.get(order_id)))
    await _replay_items(db, now, endpoint, groups, statuses, found)
    return found


async def _sent_since(
    db: Db, endpoint: Endpoint, since: datetime, most: int, found: Redelivery
) -> list[Sent]:
    """Read what was sent together; a thing belongs where it was sent last."""
    latest: dict[Thing, UUID] = {}
    occasions: dict[UUID, UUID | None] = {}
    behind = uuid7_floor(max(since, FIRST_INSTANT))
    while True:
        values = {"endpoint": endpoint.id, "behind": behind, "since": since}
        rows = await fetch_all(db, _SENT, values)
        for row in rows:
            if max(len(latest) + len(row.order_ids), len(occasions) + 1) > most:
                found.next_since = row.started_at
                return _grouped(latest, occasions)
            event = EventType.from_code(row.event)
            latest |= {Thing(event, one): row.id for one in row.order_ids}
            occasions[row.id] = row.occasion
        if len(rows) < _PAGE:
            return _grouped(latest, occasions)
        behind = rows[-1].id


def _grouped(
    latest: Mapping[Thing, UUID], occasions: Mapping[UUID, UUID | None]
) -> list[Sent]:
    groups: dict[UUID, list[Thing]] = {}
    for thing, attempt_id in latest.items():
        groups.setdefault(attempt_id, []).append(thing)
    return [Sent(groups[one], occasions[one]) for one in sorted(groups)]


async def _replay_items(
    db: Db,
    now: datetime,
    endpoint: Endpoint,
    groups: Sequence[Sent],
    statuses: Collection[ItemStatus] | None,
    found: Redelivery,
) -> None:
    things = {thing for group in groups for thing in group.things}
    waves = {one.subject_id for one in things if one.event is _WAVE}
    orders = {one.subject_id for one in things if one.event is not _WAVE}
    standing = await _standing(db, endpoint, sorted(orders))
    open_waves = await _open_waves(db, now, endpoint, sorted(waves))
    judge = _Judge(now, standing, open_waves, statuses, found)
    plan = Plan()
    for group in groups:
        parts = judge.part(group)
        plan.waiting += [Sent(part, group.occasion) for part in parts[:1] if part]
        plan.taken += [Sent(part, group.occasion) for part in parts[1:] if part]
    lay_out(now, endpoint, plan, found)


async def _standing(
    db: Db, endpoint: Endpoint, order_ids: Sequence[UUID]
) -> dict[UUID, Any]:
    standing: dict[UUID, Any] = {}
    for part in in_parts(order_ids):
        values = {"orders": part, "platform": endpoint.platform_id}
        rows = await fetch_all(db, _STANDING, values)
        standing |= {row.order_id: row for row in rows}
    return standing


async def _open_waves(
    db: Db, now: datetime, endpoint: Endpoint, notices: Sequence[UUID]
) -> set[UUID]:
    """Give those of the waves that the platform has still to work on."""
    values = {"platform": endpoint.platform_id, "now": now}
    return {
        row.notice_id
        for part in in_parts(notices)
        for row in await fetch_all(db, _OPEN_WAVES, {**values, "notices": part})
    }


@dataclass
class _Judge:
    """Which of the things that were sent go out again."""

    now: datetime
    standing: Mapping[UUID, Any]
    open_waves: Collection[UUID]
    statuses: Collection[ItemStatus] | None
    found: Redelivery

    def part(self, group: Sent) -> tuple[list[Thing], list[Thing]]:
        """Part a group into what waits and what was taken; count the others."""
        waiting: list[Thing] = []
        taken: list[Thing] = []
        for thing in group.things:
            row = self.standing.get(thing.subject_id)
            if thing.event is _WAVE:
                self._part_wave(thing, waiting)
            elif row is None or row.joined or _was_never_sent(row):
                self.found.unknown += 1
            elif thing.event not in REQUEST_EVENTS:
                self._part_end(thing, row, taken)
            else:
                self._part_request(thing, row, waiting, taken)
        return waiting, taken

    def _part_wave(self, thing: Thing, waiting: list[Thing]) -> None:
        """Repeat what tells of a wave; it is looked at once more when it is sent."""
        if thing.subject_id not in self.open_waves:
            self.found.closed += 1
        elif self.statuses is None:
            waiting.append(thing)

    def _part_end(self, thing: Thing, row: Any, taken: list[Thing]) -> None:
        """Repeat a cancellation while its item is cancelled."""
        if row.status != ItemStatus.CANCELLED.code:
            self.found.closed += 1
        elif self.statuses is None:
            taken.append(thing)

    def _part_request(
        self, thing: Thing, row: Any, waiting: list[Thing], taken: list[Thing]
    ) -> None:
        status = ItemStatus.from_code(row.status)
        if status.is_final or row.deadline <= self.now:
            self.found.closed += 1
        elif status not in (self.statuses or OPEN):
            self.found.skipped += 1
        else:
            (waiting if status is ItemStatus.QUEUED else taken).append(thing)


def _was_never_sent(row: Any) -> bool:
    held = row.order_status == OrderStatus.HELD.code
    return bool(held and row.status == ItemStatus.QUEUED.code and not row.attempts)
