"""Write down what came of exchanges: one transaction for many of them.

That a platform has taken an item is a fact, and recorded whoever owns the endpoint now.
What to do next is the owner's business: another one's word counts for nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact
from unbind_broker.audit.trail import record as record_facts
from unbind_broker.base.database import Db
from unbind_broker.base.ids import WorkerId
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.deliveries import attempts, queue
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints import service as endpoints
from unbind_broker.items import service as items
from unbind_broker.items.item import ItemKey
from unbind_broker.sending import leases
from unbind_broker.sending.batches import FIRST, digest
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.leases import Tenancy
from unbind_broker.sending.reported import apply_results, lines_of, orders_named
from unbind_broker.sending.verdicts import Plans, Verdicts

_HEAD_BYTES = 1000


@dataclass(frozen=True)
class Written:
    """What must follow once this has committed.

    ``touched`` are orders that may be complete; ``stale`` are failures of endpoints
    that somebody else owns by now.
    """

    touched: set[UUID] = field(default_factory=set)
    stale: set[Finished] = field(default_factory=set)


async def write(
    db: Db,
    now: datetime,
    worker: WorkerId,
    finished: Sequence[Finished],
    plans: Plans,
) -> Written:
    """Record exchanges; those that were recorded before change nothing."""
    new_ids = await attempts.append(db, [_attempt(one) for one in finished])
    new = [one for one in finished if one.attempt_id in new_ids]
    stale = await _stale(db, worker, new)
    verdicts = Verdicts()
    for one in new:
        if one not in stale:
            verdicts.add(one, plans)
    reports = [(one, lines) for one in new if (lines := lines_of(one))]
    await _lock(db, verdicts, reports)
    touched = await _apply(db, now, verdicts)
    for one, lines in reports:
        touched |= await apply_results(db, now, one.platform_id, lines)
    actor = f"worker:{worker}"
    for endpoint_id in sorted(verdicts.gone):
        await endpoints.disable(db, now, endpoint_id, "answered 410 Gone", actor)
    disclosed = [one for one in new if one.exchange.disclosed]
    await record_facts(db, now, *(_disclosure(actor, one) for one in disclosed))
    return Written(touched, stale)


async def _stale(
    db: Db, worker: WorkerId, finished: Collection[Finished]
) -> set[Finished]:
    failed = [one for one in finished if not _is_accepted(one)]
    standing = await leases.hold(db, worker, {_tenancy(one) for one in failed})
    return {one for one in failed if _tenancy(one) not in standing}


async def _lock(
    db: Db, verdicts: Verdicts, reports: Sequence[tuple[Finished, list[object]]]
) -> None:
    """Lock all items in one order; a single verb does so by itself."""
    groups = [verdicts.acknowledged, verdicts.counted, verdicts.dead]
    groups += [
        [ItemKey(order_id, one.platform_id) for order_id in orders_named(lines)]
        for one, lines in reports
    ]
    if sum(bool(group) for group in groups) > 1:
        await items.lock(db, {key for group in groups for key in group})


async def _apply(db: Db, now: datetime, verdicts: Verdicts) -> set[UUID]:
    acknowledged = set(verdicts.acknowledged)
    if acknowledged:
        await items.acknowledge(db, now, acknowledged)
    failed = {*verdicts.counted, *verdicts.dead} - acknowledged
    if failed:
        await items.count_attempts(db, failed)
    ended: list[ItemKey] = []
    if verdicts.dead:
        ended = await items.mark_undeliverable(db, now, set(verdicts.dead))
    await queue.delete(db, verdicts.no_more)
    done = set(verdicts.no_more)
    await queue.schedule(db, [due for due in verdicts.again if due.subject not in done])
    return {key.order_id for key in ended}


def _attempt(one: Finished) -> Attempt:
    exchange = one.exchange
    head = exchange.answer[:_HEAD_BYTES].decode("utf-8", "replace")
    return Attempt(
        id=one.attempt_id,
        endpoint_id=one.lane.endpoint_id,
        event=one.batch.event,
        order_ids=one.batch.order_ids,
        webhook_id=one.webhook_id,
        body_sha256=one.body_sha256,
        started_at=one.started_at,
        outcome=exchange.outcome,
        timings=exchange.timings,
        error=exchange.error,
        answer_head=clean_free_text(head) or None,
    )


def _disclosure(actor: str, one: Finished) -> Fact:
    """Say that numbers were sent to an endpoint, without naming them."""
    order_ids = one.batch.order_ids
    return Fact(
        actor=actor,
        action="attempt.disclosed",
        facts={
            "attempt": str(one.attempt_id),
            "endpoint": one.lane.endpoint_id,
            "event": one.batch.event.value,
            "count": len(order_ids),
            "digest": digest(one.batch.event, FIRST, order_ids).hex(),
        },
    )


def _is_accepted(one: Finished) -> bool:
    return one.exchange.outcome.kind is OutcomeKind.ACCEPTED


def _tenancy(one: Finished) -> Tenancy:
    return Tenancy(one.lane.endpoint_id, one.lane.epoch)
