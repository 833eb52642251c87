"""Write down what came of exchanges: one transaction for many of them.

That a platform has taken an item is a fact, and recorded whoever owns the endpoint now.
What to do next is the owner's business: another one's word counts for nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact
from unbind_broker.audit.trail import record as record_facts
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, PlatformId, WorkerId
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.callbacks.results import Applying, LineStatus
from unbind_broker.deliveries import attempts, queue, reminders, undelivered
from unbind_broker.deliveries.announcing import (
    announce_cancelled,
    announce_where_cancelled,
)
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.joining import promote
from unbind_broker.deliveries.outcomes import Cause, OutcomeKind
from unbind_broker.endpoints import service as endpoints
from unbind_broker.items import service as items
from unbind_broker.items.item import ItemKey
from unbind_broker.items.joining import pass_on
from unbind_broker.notices.changes import note_changed
from unbind_broker.sending import leases
from unbind_broker.sending.batches import digest
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.leases import Tenancy
from unbind_broker.sending.reported import apply_results, lines_of, orders_named
from unbind_broker.sending.standing import Noted, with_news, write_standing
from unbind_broker.sending.verdicts import Plans, Verdicts

_HEAD_BYTES = 1000


@dataclass(frozen=True)
class Written:
    """What must follow once this has committed.

    ``touched`` are orders that may be complete; ``stale`` are failures of endpoints
    that somebody else owns by now; ``alarming`` are carriers whose results must be
    looked at; ``noted`` is what was written down of endpoints; ``lines`` is what became
    of the results inside answers, but for those of rehearsals.
    """

    touched: set[UUID] = field(default_factory=set)
    stale: set[Finished] = field(default_factory=set)
    alarming: set[CarrierId] = field(default_factory=set)
    noted: list[Noted] = field(default_factory=list)
    lines: list[LineStatus] = field(default_factory=list)


async def write(
    db: Db,
    now: datetime,
    worker: WorkerId,
    finished: Sequence[Finished],
    plans: Plans,
    applying: Applying,
) -> Written:
    """Record exchanges; those that were recorded before change nothing."""
    new_ids = await attempts.append(db, [_attempt(one) for one in finished])
    new = [one for one in finished if one.attempt_id in new_ids]
    # All leases at once, in order: renewing takes them in order, too.
    lanes = {one.lane for one in finished}
    tenancies = {one.lane.tenancy for one in new if not _is_accepted(one)}
    standing = await leases.hold(db, worker, tenancies | with_news(lanes))
    stale = {one for one in new if _is_stale(one, standing)}
    verdicts = Verdicts()
    for one in new:
        if one not in stale:
            verdicts.add(one, plans)
    actor = f"worker:{worker}"
    # Before anything is queued: who verifies an endpoint locks in this order, too.
    for endpoint_id, url in sorted(verdicts.gone.items()):
        await endpoints.disable(db, now, endpoint_id, url, "answered 410 Gone", actor)
    noted = await write_standing(db, now, worker, lanes, standing)
    said = _said_in(new)
    await _lock(db, verdicts, said)
    touched = await _apply(db, now, verdicts, _unseen(new))
    touched |= _told_by_taking(new)
    await announce_where_cancelled(db, now, _asked_by(stale))
    rehearsing = {one.platform_id for one in new if one.rehearses}
    uncounted = said.keys() & rehearsing
    applied = await apply_results(db, now, said, applying, uncounted)
    touched |= applied.touched
    disclosed = [one for one in new if one.exchange.disclosed]
    await record_facts(db, now, *(_disclosure(actor, one) for one in disclosed))
    lines = [answer.status for answer in applied.answers]
    return Written(touched, stale, applied.alarming, noted, lines)


def _said_in(finished: Collection[Finished]) -> dict[PlatformId, list[object]]:
    """Give the results in the answers, by who says so."""
    said: defaultdict[PlatformId, list[object]] = defaultdict(list)
    for one in finished:
        if one.platform_id is not None and (lines := lines_of(one)):
            said[one.platform_id] += lines
    return dict(said)


def _is_stale(one: Finished, standing: Collection[Tenancy]) -> bool:
    return not _is_accepted(one) and one.lane.tenancy not in standing


async def _lock(
    db: Db, verdicts: Verdicts, said: Mapping[PlatformId, list[object]]
) -> None:
    """Lock all items in one order; a single verb does so by itself."""
    groups = [verdicts.acknowledged, verdicts.counted, verdicts.dead]
    groups += [
        [ItemKey(order_id, platform_id) for order_id in orders_named(lines)]
        for platform_id, lines in said.items()
    ]
    if sum(bool(group) for group in groups) > 1:
        await items.lock(db, {key for group in groups for key in group})


async def _apply(
    db: Db, now: datetime, verdicts: Verdicts, unseen: Collection[ItemKey]
) -> set[UUID]:
    acknowledged = set(verdicts.acknowledged)
    called_back: list[ItemKey] = []
    followers: set[UUID] = set()
    changed: set[UUID] = set()
    if acknowledged:
        answered = await items.acknowledge(db, now, acknowledged)
        called_back += answered.called_back
        followers |= await pass_on(db, now, answered.followed)
        changed |= {key.order_id for key in answered.taken if key not in unseen}
    failed = {*verdicts.counted, *verdicts.dead} - acknowledged
    if failed:
        called_back += await items.count_attempts(db, failed)
    ended: list[ItemKey] = []
    if verdicts.dead:
        ended = await items.mark_undeliverable(db, now, set(verdicts.dead))
        await undelivered.note(db, now, ended, Cause.REFUSED)
        followers |= await pass_on(db, now, ended)
        changed |= (await promote(db, now, ended)).changed
        changed |= {key.order_id for key in ended if key not in unseen}
    await note_changed(db, now, changed | followers)
    await announce_cancelled(db, now, called_back)
    await _queue(db, verdicts)
    return {key.order_id for key in ended} | followers


async def _queue(db: Db, verdicts: Verdicts) -> None:
    """Write down what goes out again, and what does not."""
    replaced = await reminders.replaced(db, verdicts.reminded)
    await queue.delete(db, set(verdicts.no_more) - replaced)
    settled = {*verdicts.no_more, *replaced}
    again = [due for due in verdicts.again if due.subject not in settled]
    await queue.schedule(db, again)


def _unseen(finished: Collection[Finished]) -> set[ItemKey]:
    """Give the items of which carriers see no change, whatever comes of them.

    A folded one has ended for its carrier before it goes out again.
    """
    return {
        ItemKey(order_id, one.platform_id)
        for one in finished
        if one.sensitive
        and one.platform_id is not None
        and (one.batch.occasion is not None or one.batch.is_replay)
        for order_id in one.batch.subject_ids
    }


def _asked_by(finished: Collection[Finished]) -> list[ItemKey]:
    """Give the items that platforms may have been asked for."""
    return [
        ItemKey(order_id, one.platform_id)
        for one in finished
        if one.platform_id is not None
        and one.batch.is_request
        and one.exchange.disclosed
        for order_id in one.batch.subject_ids
    ]


def _told_by_taking(finished: Collection[Finished]) -> set[UUID]:
    """Give the orders whose carriers wait for no more than this of them."""
    return {
        order_id
        for one in finished
        if one.sensitive and one.batch.is_request and _is_accepted(one)
        for order_id in one.batch.subject_ids
    }


def _attempt(one: Finished) -> Attempt:
    exchange = one.exchange
    head = exchange.answer[:_HEAD_BYTES].decode("utf-8", "replace")
    return Attempt(
        id=one.attempt_id,
        endpoint_id=one.lane.endpoint_id,
        event=one.batch.event,
        subject_ids=one.batch.subject_ids,
        webhook_id=one.webhook_id,
        body_sha256=one.body_sha256,
        started_at=one.started_at,
        outcome=exchange.outcome,
        timings=exchange.timings,
        error=exchange.error,
        answer_head=clean_free_text(head) or None,
        occasion=one.batch.occasion,
        replay=one.batch.is_replay,
    )


def _disclosure(actor: str, one: Finished) -> Fact:
    """Say what was sent to an endpoint: numbers, without naming them, or news."""
    subject_ids = one.batch.subject_ids
    return Fact(
        actor=actor,
        action="attempt.disclosed" if one.batch.is_request else "attempt.told",
        facts={
            "attempt": str(one.attempt_id),
            "endpoint": one.lane.endpoint_id,
            "event": one.batch.event.value,
            "count": len(subject_ids),
            "digest": digest(one.batch.event, one.batch.occasion, subject_ids).hex(),
            "status": one.exchange.outcome.status_code,
        },
    )


def _is_accepted(one: Finished) -> bool:
    return one.exchange.outcome.kind is OutcomeKind.ACCEPTED
