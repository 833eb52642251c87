"""Stop a carrier's unbinding when too many of its results are bad.

Results are bad that speak against the dates it tells: violations, and refusals because
an account was active after the cutoff. Those of sensitive platforms in scope
``previous_owner`` do not count, neither as good nor as bad: a brake that trips on them
would tell the carrier what they answered. Findings of clearances have a sum of their
own, in which violations alone are bad, see ``found_outside``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.callbacks.judging import is_violation
from unbind_broker.callbacks.store import AskedItem
from unbind_broker.carriers import brakes
from unbind_broker.carriers.brakes import Stopped
from unbind_broker.carriers.marks import OF_CLEARANCES, Tally, newest
from unbind_broker.carriers.tables import real_slug
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import Item
from unbind_broker.items.states import ENDED_BY_US, ItemStatus, Reason
from unbind_broker.notices.telling import tell
from unbind_broker.orders.braking import hold_braked, release_braked
from unbind_broker.orders.states import OrderKind

MOST_AT_ONCE = 5_000
"""So many orders are held or let go with the brake itself; a clock does the rest."""

_BROKER = "broker"


@dataclass(frozen=True)
class BrakePolicy:
    """When a carrier is braked: more than ``share`` were bad, ``least`` or more."""

    share: float
    least: int

    def is_over(self, tally: Tally) -> bool:
        """Tell whether so many bad results are too many."""
        bearable = Decimal(repr(self.share)) * tally.results
        return tally.bad >= self.least and tally.bad > bearable


def count(
    changed: Iterable[tuple[AskedItem, Item]],
) -> Mapping[CarrierId, Tally]:
    """Count what a report adds: items as they were before it, and as they are now.

    An item counts once, when its result comes; and once more if it turns bad later.
    """
    results: defaultdict[CarrierId, int] = defaultdict(int)
    bad: defaultdict[CarrierId, int] = defaultdict(int)
    for asked, item in changed:
        if asked.question.kind is OrderKind.UNBIND and not asked.order.is_folded:
            result, turned_bad = _added(asked, item)
            results[asked.order.carrier_id] += result
            bad[asked.order.carrier_id] += turned_bad
    return {carrier: Tally(results[carrier], bad[carrier]) for carrier in results}


async def consider(
    db: Db, now: datetime, carriers: Collection[CarrierId], policy: BrakePolicy
) -> set[CarrierId]:
    """Brake those of the carriers whose newest results are too bad; return them.

    Call it in a transaction of its own, after the results have committed: then of
    reports that race the last one sees them all.
    """
    return {one for one in sorted(carriers) if await _consider(db, now, one, policy)}


async def stop(
    db: Db,
    now: datetime,
    carrier_id: CarrierId | None,
    reason: str,
    actor: str,
    tally: Tally | None = None,
) -> bool:
    """Engage a brake, hold what is under way, tell the carrier; False if it is on.

    No carrier means all of them, and nobody is told.
    """
    if not await brakes.engage(db, now, carrier_id, reason, actor):
        return False
    just_stopped = Stopped(
        carrier_id is None, frozenset() if carrier_id is None else {carrier_id}
    )
    await hold_braked(db, now, just_stopped, MOST_AT_ONCE)
    if carrier_id is not None:
        data = {
            "carrier": real_slug(await brakes.slug_of(db, carrier_id)),
            "reason": reason,
            "results": tally and tally.results,
            "bad": tally and tally.bad,
        }
        await tell(db, now, carrier_id, EventType.CARRIER_BRAKED, None, data)
    return True


async def let_go(
    db: Db, now: datetime, carrier_id: CarrierId | None, reason: str, actor: str
) -> bool:
    """Release a brake and the orders that it held; False if it is not on."""
    if not await brakes.release(db, now, carrier_id, reason, actor):
        return False
    await release_braked(db, now, await brakes.stopped(db), MOST_AT_ONCE)
    return True


def _added(asked: AskedItem, item: Item) -> tuple[bool, bool]:
    """Tell whether it counts as a result now, and as a bad one."""
    before = asked.item
    was_result = before.status.is_final and before.status not in ENDED_BY_US
    if _is_bad(asked, item) and not (was_result and _is_bad(asked, before)):
        return True, True
    return item.status.is_final and not was_result, False


def _is_bad(asked: AskedItem, item: Item) -> bool:
    refused_as_active = (
        item.status is ItemStatus.REFUSED and item.reason is Reason.ACTIVE_AFTER_CUTOFF
    )
    return refused_as_active or is_violation(asked.question, item)


async def _consider(
    db: Db, now: datetime, carrier_id: CarrierId, policy: BrakePolicy
) -> bool:
    await brakes.lock(db, carrier_id)
    since = await brakes.last_release(db, carrier_id)
    tally = await newest(db, carrier_id, since)
    of_clearances = await newest(db, carrier_id, since, OF_CLEARANCES)
    if policy.is_over(tally):
        reason = (
            f"{tally.bad} of the newest {tally.results} results were violations, or "
            "refused as active_after_cutoff"
        )
    elif policy.is_over(tally := of_clearances):
        reason = (
            f"{tally.bad} of the newest {tally.results} findings of clearances were "
            "violations"
        )
    else:
        return False
    return await stop(db, now, carrier_id, reason, _BROKER, tally)
