"""Undeliverable items are sent again, once their platform is mended."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import BIG, Db, lock_key, sql
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.deliveries.queue import REQUESTS, Due, Subject, schedule
from unbind_broker.deliveries.reminders import remind_of_again
from unbind_broker.deliveries.undelivered import ITEM_REQUEUED, forget, keep
from unbind_broker.deliveries.undelivered_views import WantedItems, pick
from unbind_broker.intake.requeueable import Candidate, Question, WhyNot, look_at
from unbind_broker.items.item import ItemKey
from unbind_broker.items.requeuing import requeue as requeue_items
from unbind_broker.items.service import lock as lock_items
from unbind_broker.notices.changes import note_changed
from unbind_broker.orders.reopening import lock as lock_orders
from unbind_broker.orders.reopening import reopen
from unbind_broker.orders.service import lock_numbers

MOST_AT_ONCE = 1000
USUAL_PACE = 20
"""Items a second, where nobody says how they are to be spread."""
_MOST_PAGES = 10


@dataclass(frozen=True)
class AskedRequeue:
    """Which items to send again: those named, or those that ``wanted`` finds.

    ``before`` is where an earlier call stopped looking. ``spread`` is None for the
    usual pace.
    """

    named: Collection[ItemKey] | None
    wanted: WantedItems
    before: ItemKey | None
    dry_run: bool
    spread: timedelta | None


@dataclass(frozen=True)
class Requeued:
    """How many items are sent again, or would be, and why others are not.

    ``more`` names the last item that was looked at where there are others behind it.
    """

    count: int
    skipped: Counter[WhyNot]
    more: ItemKey | None


async def requeue(db: Db, now: datetime, asked: AskedRequeue, actor: str) -> Requeued:
    """Queue undeliverable items again, and bring their orders back to ``in_progress``.

    At most ``MOST_AT_ONCE`` go at once. What a person is protected by is looked at once
    more when all that it depends on is locked; who comes second changes nothing.
    """
    if not asked.dry_run:
        # One such call at a time: all of them share the server's table of locks.
        await db.execute(_LOCK, {"key": lock_key("requeue")})
    found = await _find(db, now, asked)
    if asked.dry_run:
        return Requeued(len(found.chosen), found.skipped, found.more)
    standing = await _hold_still(db, now, found)
    occasion = new_uuid7(now)
    done = await _send_again(db, now, standing, asked.spread, occasion)
    await record(db, now, *_facts(done, found, asked, actor, occasion))
    return Requeued(len(done), found.skipped, found.more)


@dataclass
class _Found:
    """What was looked at so far."""

    chosen: list[Candidate] = field(default_factory=list)
    skipped: Counter[WhyNot] = field(default_factory=Counter)
    more: ItemKey | None = None
    _asked: set[Question] = field(default_factory=set)

    def add(self, candidate: Candidate | None) -> None:
        if candidate is None:
            self.skipped[WhyNot.NOT_UNDELIVERABLE] += 1
        elif candidate.why_not is not None:
            self.skipped[candidate.why_not] += 1
        elif candidate.joins in self._asked:
            self.skipped[WhyNot.JOINED] += 1
        else:
            self.chosen.append(candidate)
            if candidate.joins is not None:
                self._asked.add(candidate.joins)


async def _find(db: Db, now: datetime, asked: AskedRequeue) -> _Found:
    found = _Found()
    if asked.named is not None:
        candidates = await look_at(db, now, asked.named)
        for key in asked.named:
            found.add(candidates.get(key))
        return found
    behind = asked.before
    for _ in range(_MOST_PAGES):
        page = await pick(db, asked.wanted, behind, MOST_AT_ONCE + 1)
        candidates = await look_at(db, now, page[:MOST_AT_ONCE])
        for key in page[:MOST_AT_ONCE]:
            if len(found.chosen) >= MOST_AT_ONCE:
                found.more = behind
                return found
            found.add(candidates.get(key))
            behind = key
        if len(page) <= MOST_AT_ONCE:
            return found
    found.more = behind
    return found


async def _hold_still(db: Db, now: datetime, found: _Found) -> list[Candidate]:
    """Lock numbers, orders and items, and leave out what changed meanwhile."""
    chosen = {one.key: one for one in found.chosen}
    await lock_numbers(db, {one.number_index for one in chosen.values()})
    await lock_orders(db, {key.order_id for key in chosen})
    await lock_items(db, chosen)
    standing = await look_at(db, now, chosen)
    lost = [
        one.why_not if one else WhyNot.NOT_UNDELIVERABLE
        for one in (standing.get(key) for key in chosen)
        if one is None or one.why_not is not None
    ]
    found.skipped.update(reason for reason in lost if reason is not None)
    return [one for one in standing.values() if one.why_not is None]


async def _send_again(
    db: Db,
    now: datetime,
    standing: Sequence[Candidate],
    spread: timedelta | None,
    occasion: UUID,
) -> list[Candidate]:
    queued = set(await requeue_items(db, [one.key for one in standing]))
    done = sorted((one for one in standing if one.key in queued), key=_key)
    seen = [one.key for one in done if not one.folded]
    await forget(db, seen)
    await keep(db, now, [one.key for one in done if one.folded])
    untold = {key.order_id for key in seen}
    await reopen(db, {one.key.order_id for one in done}, untold)
    await note_changed(db, now, untold)
    await remind_of_again(db, now, {one.key.order_id for one in done})
    times = _spread(now, len(done), spread)
    rows = [
        Due(_subject(one), at, 0, occasion) for one, at in zip(done, times, strict=True)
    ]
    await schedule(db, rows)
    return done


def _key(one: Candidate) -> ItemKey:
    return one.key


def _subject(one: Candidate) -> Subject:
    return Subject(one.endpoint_id, REQUESTS[one.kind], one.key.order_id)


def _spread(now: datetime, count: int, spread: timedelta | None) -> list[datetime]:
    """Give each item a whole second: what is due at one time is sent together."""
    seconds = (
        ceil(count / USUAL_PACE) if spread is None else int(spread.total_seconds())
    )
    return [now + timedelta(seconds=place * seconds // count) for place in range(count)]


def _facts(
    done: Iterable[Candidate],
    found: _Found,
    asked: AskedRequeue,
    actor: str,
    occasion: UUID,
) -> list[Fact]:
    by_order: defaultdict[UUID, list[Candidate]] = defaultdict(list)
    for one in done:
        by_order[one.key.order_id].append(one)
    facts = [
        Fact(
            actor,
            ITEM_REQUEUED,
            order_id=order_id,
            number_index=parts[0].number_index,
            facts={
                "platforms": sorted(part.platform for part in parts),
                "occasion": str(occasion),
            },
        )
        for order_id, parts in by_order.items()
    ]
    told = {
        "requeued": sum(map(len, by_order.values())),
        "skipped": {reason.value: n for reason, n in sorted(found.skipped.items())},
        "orders": len(by_order),
        "occasion": str(occasion),
        "wanted": None if asked.named is not None else _shown(asked.wanted),
    }
    return [*facts, Fact(actor, "items.requeued", facts=told)]


def _shown(wanted: WantedItems) -> dict[str, str | None]:
    return {
        "platform": wanted.platform,
        "carrier": wanted.carrier,
        "cause": wanted.cause and wanted.cause.value,
        "since": show_instant_or_null(wanted.since),
        "until": show_instant_or_null(wanted.until),
    }


_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
