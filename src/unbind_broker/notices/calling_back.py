"""Call orders back: nothing more is sent, and platforms that were asked are told."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.deliveries.announcing import announce_cancelled, announce_perhaps
from unbind_broker.deliveries.joining import promote
from unbind_broker.deliveries.queue import stop_sending
from unbind_broker.items import cancelling as items
from unbind_broker.items.cancelling import CancelledItem
from unbind_broker.items.states import Reason
from unbind_broker.notices.changes import note_changed
from unbind_broker.notices.ending import settle, tell_over
from unbind_broker.orders import cancelling
from unbind_broker.orders.cancelling import CancelledOrder
from unbind_broker.orders.service import lock_numbers
from unbind_broker.orders.states import OrderKind


async def call_back(
    db: Db, now: datetime, orders: Collection[UUID], reason: Reason, actor: str
) -> list[UUID]:
    """Cancel those of the orders that are open, with their open items; return them.

    An order whose last result is in already completes instead. Platforms that were sent
    a request get ``unbind.cancelled``, except for queries, which change nothing; those
    whose request is still under way get it when that is recorded. Items of other orders
    that had joined one of these are sent under their own id.
    """
    open_orders = await hold_still(db, now, orders)
    if not open_orders:
        return []
    called_back = await cancelling.cancel(db, now, open_orders)
    ended = await items.cancel(db, now, [one.id for one in called_back], reason)
    await stop_sending(db, [item.key for item in ended])
    freed = await promote(db, now, [item.key for item in ended if item.followed])
    await note_changed(db, now, freed.changed)
    told = await _tell_platforms(db, now, called_back, ended)
    await tell_over(db, now, [one.id for one in called_back if not one.ends_unseen])
    facts = _facts(called_back, ended, told, reason, actor)
    await record(db, now, *facts)
    return [one.id for one in called_back]


async def hold_still(db: Db, now: datetime, orders: Collection[UUID]) -> list[UUID]:
    """Lock orders whole: numbers, orders, open items; complete what is complete.

    Until the transaction ends no result changes them. Returns those that were open.
    """
    if not orders:
        return []
    await lock_numbers(db, await cancelling.numbers_of(db, orders))
    locked = await cancelling.lock_open(db, orders)
    if locked:
        await items.lock_open(db, locked)
        await settle(db, now, locked)
    return locked


async def _tell_platforms(
    db: Db,
    now: datetime,
    called_back: Sequence[CancelledOrder],
    ended: Sequence[CancelledItem],
) -> Counter[UUID]:
    """Let the platforms know that were asked, and count them by order.

    A request that nobody has written down may have gone out all the same.
    """
    changing = {one.id for one in called_back if one.kind is not OrderKind.QUERY}
    asked = [
        item.key for item in ended if item.attempts and item.key.order_id in changing
    ]
    unasked = [
        item.key
        for item in ended
        if not item.attempts and item.key.order_id in changing
    ]
    await announce_cancelled(db, now, asked)
    await announce_perhaps(db, now, unasked)
    return Counter(key.order_id for key in asked)


def _facts(
    called_back: Sequence[CancelledOrder],
    ended: Sequence[CancelledItem],
    told: Counter[UUID],
    reason: Reason,
    actor: str,
) -> list[Fact]:
    cancelled = Counter(item.key.order_id for item in ended)
    return [
        Fact(
            actor,
            "order.cancelled",
            order_id=one.id,
            number_index=one.number_index,
            facts={
                "reason": reason.value,
                "cancelled": cancelled[one.id],
                "told": told[one.id],
            },
        )
        for one in called_back
    ]
