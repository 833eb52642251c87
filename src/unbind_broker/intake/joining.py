# ruff: noqa: S608 - only enum codes are put into statements
"""Ask each platform once: join what was asked about the same number already.

Equal are items of one number, platform, kind, scope, interval border and action,
whichever carrier asked. Joined is an equal item that is open, or, in scope
``previous_owner``, whose result says that nothing is left there, for a while. Not
joined are

- sensitive platforms in scope ``previous_owner``: whether there is a result to be
  joined would tell the carrier what they answered; only where a carrier repeats its own
  query (``intake.repeating``) all of them are, whatever they answered;
- anything that was restored meanwhile, or may be;
- an item that waits for an administrator to release a brake;
- what another result has contradicted since.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import (
    BYTES,
    INSTANT,
    INT,
    INTS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries.undelivered import share
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.repeating import (
    EarlierOrder,
    Repeated,
    earlier_order,
    find_repeated,
)
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.joining import Created, create_joined
from unbind_broker.items.service import create
from unbind_broker.items.states import ENDED_BY_US, FIRST_FINAL_CODE, ItemStatus
from unbind_broker.orders.order import Order
from unbind_broker.orders.states import (
    OPEN,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.views import show_order_id

_NOTHING_LEFT = frozenset({ItemStatus.UNBOUND.code, ItemStatus.NOT_BOUND.code})


@dataclass(frozen=True)
class Earlier:
    """What would be joined: items that are open, and results."""

    open: list[ItemKey] = field(default_factory=list)
    results: list[ItemKey] = field(default_factory=list)


@dataclass(frozen=True)
class Others:
    """What else was asked about a number, as far as an order may join it.

    Results older than ``window`` are not joined, but for those of the query that is
    ``repeated``: all of its items are, whatever became of them.
    """

    window: timedelta
    orders: Sequence[EarlierOrder]
    repeated: Repeated | None


async def find_others(
    db: Db,
    order: Order,
    platforms: Sequence[PlatformId] | None,
    window: timedelta,
    validity: timedelta,
) -> Others:
    """Find what a new order may join; the caller holds its number's lock.

    Those are equal orders, and whatever undoes something of the number.
    """
    rows = await fetch_all(
        db,
        _OTHERS,
        {
            "number": order.number_index,
            "carrier": order.carrier_id,
            "kind": order.kind.code,
            "scope": order.scope.code,
            "cutoff": order.cutoff,
            "action": order.action and order.action.code,
        },
    )
    orders = [earlier_order(row) for row in rows]
    repeated = await find_repeated(db, order, platforms, orders, validity)
    return Others(window, orders, repeated)


async def create_items(
    db: Db,
    now: datetime,
    order: Order,
    carrier: AskingCarrier,
    platforms: Collection[PlatformId] | None,
    others: Others,
) -> Created:
    """Make an order's items; those that join others have at once what these have.

    The order is written down, and the caller holds its number's lock. A recheck joins
    nothing: it disputes the results.
    """
    if others.repeated is not None:
        asked = others.repeated.leaders
        repeating = await create_joined(db, now, order.id, platforms, asked)
        await share(db, order.id, asked)
        return repeating
    equal = [one.id for one in others.orders if one.equal]
    earlier = Earlier()
    if equal:
        values = {
            "orders": equal,
            "restores": [one.id for one in others.orders if _restores(one)],
            "chosen": None if platforms is None else list(platforms),
            "folds": order.scope is Scope.PREVIOUS_OWNER,
            "now": now,
        }
        rows = await fetch_all(db, _LOCK_EARLIER, values)
        earlier = _joinable(rows, now - others.window)
    leaders = [*earlier.open, *earlier.results]
    if leaders and not order.recheck:
        return await create_joined(db, now, order.id, platforms, leaders)
    created = Created(await create(db, order.id, platforms))
    if order.recheck:
        await _dispute(db, now, order, carrier, earlier.results)
    return created


def _restores(one: EarlierOrder) -> bool:
    return one.kind is OrderKind.RESTORE


def _joinable(rows: Iterable[Any], since: datetime) -> Earlier:
    """Choose for each platform, by which ``rows`` are sorted, what is joined.

    That is the newest open item, or else the newest result, if it can be joined.
    """
    earlier = Earlier()
    for _, group in groupby(rows, lambda row: row.platform_id):
        found = list(group)
        still_open = [row for row in found if row.status < FIRST_FINAL_CODE]
        if still_open:
            earlier.open.append(_key(max(still_open, key=lambda row: row.order_id)))
            continue
        newest = max(found, key=lambda row: (row.finished_at, row.order_id))
        if newest.status in _NOTHING_LEFT and newest.finished_at >= since:
            earlier.results.append(_key(newest))
    return earlier


def _key(row: Any) -> ItemKey:
    return ItemKey(row.order_id, row.platform_id)


async def _dispute(
    db: Db,
    now: datetime,
    order: Order,
    carrier: AskingCarrier,
    results: Collection[ItemKey],
) -> None:
    """Write down which results are asked for again, because somebody doubts them."""
    if not results:
        return
    values = {**key_arrays(results), "order": order.id, "now": now}
    disputed: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in await fetch_all(db, _DISPUTE, values):
        disputed[row.disputed_order_id].append(row.platform_id)
    by = show_order_id(order.kind, order.id)
    facts = [
        Fact(
            carrier.actor,
            "result.disputed",
            order_id=order_id,
            number_index=order.number_index,
            facts={"by": by, "platforms": sorted(found)},
        )
        for order_id, found in sorted(disputed.items())
    ]
    await record(db, now, *facts)


_OPEN_CODES = codes_of(OPEN)
_ENDED_BY_US = codes_of(ENDED_BY_US)
# Of the same carrier all that is open, too, and all unbind orders: a query that came
# before them tells nothing of how things stand now.
_EQUAL = """(kind = :kind AND scope = :scope AND cutoff = :cutoff
            AND action IS NOT DISTINCT FROM :action AND NOT hidden)"""
_OTHERS = sql(
    f"""
    SELECT id, kind, status, carrier_id, hidden, query_id AS repeats, created_at,
        deadline, deadline_provisional, bound_before, told_at, completed_at,
        {_EQUAL} AS equal
    FROM orders
    WHERE number_index = :number AND (
        kind = {OrderKind.RESTORE.code} OR {_EQUAL}
        OR (carrier_id = :carrier AND (kind = {OrderKind.UNBIND.code}
            OR status IN ({_OPEN_CODES}))))""",
    number=BYTES,
    carrier=INT,
    kind=INT,
    scope=INT,
    cutoff=INSTANT,
    action=INT,
)
# An item counts as restored if a restore of it was still to end when the item did, or
# when it was asked for. What ended without its platform's word says nothing.
_LOCK_EARLIER = sql(
    f"""
    SELECT * FROM (
        SELECT i.order_id, i.platform_id, i.status, i.finished_at
        FROM items i
        JOIN orders o ON o.id = i.order_id
        JOIN platforms p ON p.id = i.platform_id
        WHERE i.order_id = ANY(:orders) AND i.follows IS NULL
            AND (i.platform_id = ANY(:chosen) OR :chosen IS NULL)
            AND NOT (p.sensitive AND :folds)
            AND CASE WHEN i.status < {FIRST_FINAL_CODE} THEN
                o.status IN ({_OPEN_CODES}) AND o.deadline > :now
                AND NOT (i.status = {ItemStatus.QUEUED.code}
                    AND o.status = {OrderStatus.HELD.code}
                    AND o.held_for = {HoldReason.BRAKED.code})
            ELSE :folds AND i.status NOT IN ({_ENDED_BY_US}) END
            AND NOT EXISTS (
                SELECT FROM items r
                WHERE r.order_id = ANY(:restores) AND r.platform_id = i.platform_id
                    AND coalesce(r.finished_at, 'infinity')
                        >= coalesce(i.finished_at, o.created_at))
        ORDER BY i.order_id, i.platform_id
        FOR NO KEY UPDATE OF i
    ) locked
    ORDER BY platform_id""",
    orders=UUIDS,
    restores=UUIDS,
    chosen=INTS,
    folds=Boolean(),
    now=INSTANT,
)
_DISPUTE = sql(
    """
    INSERT INTO disputes (order_id, platform_id, disputed_order_id, raised_at)
    SELECT i.order_id, i.platform_id, n.order_id, :now
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN items i ON i.order_id = :order AND i.platform_id = n.platform_id
    RETURNING disputed_order_id, platform_id""",
    order=UUID_TYPE,
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
