"""Answer for made-up platforms what twins of carriers ask them.

They behave as platforms that fetch: what they tell goes through ``callbacks`` as every
report does, so what follows from it is real. What is to be told later is written down
in the same transaction; nothing is kept in memory.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.base.magic_numbers import NOTHING
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.callbacks.results import Applied, Applying, apply_together
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import REQUESTS, Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.items import service as items
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.views import show_order_id
from unbind_broker.rehearsals import store
from unbind_broker.rehearsals.fixed_outcomes import fixed_block, plan_fixed
from unbind_broker.rehearsals.made_up import MadeUp
from unbind_broker.rehearsals.store import AskedRow
from unbind_broker.rehearsals.telling import AFTER_DEADLINE, Item, Line, Plan

UNTIL_EXPIRED = timedelta(seconds=1)
"""How long a late result waits again where its item has not been ended yet."""

Told = Mapping[PlatformId, Sequence[object]]


@dataclass(frozen=True)
class AnsweringTools:
    """What answering needs; ``longest`` is how long an order may be under way."""

    sealer: Sealer
    applying: Applying
    longest: timedelta


@dataclass(frozen=True)
class Answered:
    """What one step did to ``items`` items; what must follow it comes after it."""

    items: int
    applied: Applied


async def answer(
    db: Db, now: datetime, made_up: Sequence[MadeUp], tools: AnsweringTools, limit: int
) -> Answered:
    """Take up to ``limit`` items that wait, and tell what is told at once."""
    taking = [one.platform for one in made_up if one.takes]
    taken = await store.take_queued(db, now, taking, tools.longest, limit)
    said: defaultdict[PlatformId, list[object]] = defaultdict(list)
    later: dict[tuple[UUID, PlatformId], datetime] = {}
    for row, plan in _planned(taken, now, tools.sealer):
        platform = PlatformId(row.key.platform_id)
        said[platform] += plan.at_once or (_taken(row),)
        when = _due_at(row, plan, now)
        if when is not None:
            later[row.key.order_id, platform] = when
    applied = await _apply(db, now, said, tools.applying)
    await store.put_off(db, later)
    return Answered(len(taken), applied)


async def tell_due(
    db: Db, now: datetime, tools: AnsweringTools, limit: int
) -> Answered:
    """Tell what has come due about up to ``limit`` items.

    What is to be late waits until its item has been ended.
    """
    due = await store.take_due(db, now, limit)
    said: defaultdict[PlatformId, list[object]] = defaultdict(list)
    waiting: dict[tuple[UUID, PlatformId], datetime] = {}
    for row, plan in _planned(due, now, tools.sealer):
        platform = PlatformId(row.key.platform_id)
        if plan.is_late and not row.status.is_final:
            waiting[row.key.order_id, platform] = now + UNTIL_EXPIRED
        else:
            said[platform] += (line for _, line in plan.later)
    applied = await _apply(db, now, said, tools.applying)
    await store.put_off(db, waiting)
    return Answered(len(due), applied)


async def hear_called_back(db: Db, made_up: Sequence[MadeUp], limit: int) -> int:
    """Take note of up to ``limit`` items that were called back; return how many.

    What was to be told about one is dropped when it comes due.
    """
    endpoints = [one.endpoint for one in made_up]
    called = await store.find_called_back(db, endpoints, limit)
    if called:
        await items.lock(db, [one.key for one in called])
        event = EventType.UNBIND_CANCELLED
        subjects = [Subject(one.endpoint, event, one.key.order_id) for one in called]
        await queue.delete(db, subjects)
    return len(called)


async def _apply(db: Db, now: datetime, said: Told, applying: Applying) -> Applied:
    told = {platform: lines for platform, lines in said.items() if lines}
    if not told:
        return Applied([], set(), set())
    return await apply_together(db, now, told, applying)


def _planned(
    rows: Sequence[AskedRow], now: datetime, sealer: Sealer
) -> Iterator[tuple[AskedRow, Plan]]:
    """Plan what is told; an item whose number does not open is taken, no more."""
    for row in rows:
        try:
            number = open_number(sealer, row.number_sealed).e164
        except SealBroken:
            yield row, Plan()
            continue
        item = Item(
            event=REQUESTS[row.kind],
            id=show_order_id(row.kind, row.key.order_id),
            number=number,
            action=row.action,
            bound_from=row.bound_from,
            bound_before=row.bound_before,
            deadline=row.deadline,
        )
        yield row, plan_fixed(fixed_block(number) or NOTHING, item, now)


def _due_at(row: AskedRow, plan: Plan, now: datetime) -> datetime | None:
    if plan.is_late:
        return row.deadline + AFTER_DEADLINE
    return min((now + timedelta(seconds=s) for s, _ in plan.later), default=None)


def _taken(row: AskedRow) -> Line:
    shown = show_order_id(row.kind, row.key.order_id)
    return {"id": shown, "outcome": "acknowledged"}
