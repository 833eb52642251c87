# ruff: noqa: S608 - only enum codes are put into the statement
"""Which undeliverable items may go out once more, and why the others may not.

What protects people stands above what an administrator wants to mend: an item is sent
again only where an order like it would be taken, or go on, at this moment.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import CarrierId, EndpointId, PlatformId
from unbind_broker.carriers.brakes import Stopped, stopped
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.holdings.service import Holder, Standing, standings
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus
from unbind_broker.orders.states import OPEN, HoldReason, OrderKind, OrderStatus, Scope
from unbind_broker.platforms.receiving import RECEIVES


class WhyNot(StrEnum):
    """Why an item is not sent again."""

    NOT_UNDELIVERABLE = "not-undeliverable"
    NUMBER_DESTROYED = "number-destroyed"
    ORDER_CANCELLED = "order-cancelled"
    DEADLINE_PASSED = "deadline-passed"
    SUPERSEDED = "superseded"
    NUMBER_DISCONNECTED = "number-disconnected"
    ORDER_RESTORED = "order-restored"
    CARRIER_SUSPENDED = "carrier-suspended"
    CARRIER_BRAKED = "carrier-braked"
    PLATFORM_SUSPENDED = "platform-suspended"
    JOINED = "joined"


WORDS: dict[WhyNot, str] = {
    WhyNot.NOT_UNDELIVERABLE: "there is no such item, or it is undeliverable no longer",
    WhyNot.NUMBER_DESTROYED: "the number of this order has been destroyed",
    WhyNot.ORDER_CANCELLED: "the order has been called back",
    WhyNot.DEADLINE_PASSED: "the order's deadline has passed",
    WhyNot.SUPERSEDED: "a later holder is known, or this one has been taken back",
    WhyNot.NUMBER_DISCONNECTED: "the holder has given the number up",
    WhyNot.ORDER_RESTORED: "this order was to be undone, in part at least",
    WhyNot.CARRIER_SUSPENDED: "the carrier is suspended",
    WhyNot.CARRIER_BRAKED: "unbinding is stopped for this carrier",
    WhyNot.PLATFORM_SUSPENDED: "the platform is suspended, or has no verified endpoint",
    WhyNot.JOINED: "an equal item of another order is on its way to this platform, or "
    "was sent for this one too",
}


class Question(NamedTuple):
    """What two items share that ask one platform the same."""

    number_index: bytes
    platform_id: int
    kind: OrderKind
    scope: Scope
    cutoff: datetime
    action: int | None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An item, and why it is not sent again; None: it may be.

    ``joins`` is what it asks, where an equal item would be joined. ``folded`` items are
    never named to their carrier.
    """

    key: ItemKey
    kind: OrderKind
    platform: str
    endpoint_id: EndpointId
    number_index: bytes
    folded: bool
    joins: Question | None
    why_not: WhyNot | None


async def look_at(
    db: Db, now: datetime, keys: Collection[ItemKey]
) -> dict[ItemKey, Candidate]:
    """Judge items, each by itself; those that there are not are left out."""
    if not keys:
        return {}
    rows = await fetch_all(db, _LOOK, {**key_arrays(keys), "now": now})
    brake = await stopped(db)
    holders = await standings(db, {_holder(row) for row in rows if row.number_index})
    nobody = Standing(superseded=False, gave_up=False)
    found = {}
    for row in rows:
        standing = holders.get(_holder(row), nobody)
        found[ItemKey(row.order_id, row.platform_id)] = _candidate(
            row, _why_not(row, now, brake, standing)
        )
    return found


def _holder(row: Any) -> Holder:
    return Holder(row.number_index, CarrierId(row.carrier_id), row.owner_since)


def _why_not(
    row: Any, now: datetime, brake: Stopped, holder: Standing
) -> WhyNot | None:
    """Give the first reason, those that never pass before those that may."""
    restores = row.kind == OrderKind.RESTORE.code
    unbinds = row.kind == OrderKind.UNBIND.code
    suspended = row.carrier_status == CarrierStatus.SUSPENDED.code
    reasons = {
        WhyNot.NOT_UNDELIVERABLE: row.status != ItemStatus.UNDELIVERABLE.code,
        WhyNot.NUMBER_DESTROYED: row.number_index is None,
        WhyNot.ORDER_CANCELLED: row.order_status == OrderStatus.CANCELLED.code,
        WhyNot.DEADLINE_PASSED: row.deadline <= now,
        WhyNot.SUPERSEDED: holder.superseded,
        WhyNot.NUMBER_DISCONNECTED: holder.gave_up,
        WhyNot.ORDER_RESTORED: row.restored,
        WhyNot.CARRIER_SUSPENDED: suspended and not restores,
        WhyNot.CARRIER_BRAKED: unbinds and brake.holds(CarrierId(row.carrier_id)),
        WhyNot.PLATFORM_SUSPENDED: not row.receives,
        WhyNot.JOINED: (_joins(row) and row.led) or (row.folded and row.joined),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _joins(row: Any) -> bool:
    """Tell whether an equal item would be joined, as it would by a new order."""
    asks_once = row.kind != OrderKind.RESTORE.code and not (row.recheck or row.hidden)
    return asks_once and not row.folded


def _candidate(row: Any, why_not: WhyNot | None) -> Candidate:
    kind = OrderKind.from_code(row.kind)
    question = Question(
        row.number_index,
        row.platform_id,
        kind,
        Scope.from_code(row.scope),
        row.cutoff,
        row.action,
    )
    return Candidate(
        key=ItemKey(row.order_id, PlatformId(row.platform_id)),
        kind=kind,
        platform=row.slug,
        endpoint_id=EndpointId(row.endpoint_id),
        number_index=row.number_index,
        folded=row.folded,
        joins=question if _joins(row) else None,
        why_not=why_not,
    )


# Equal items and restores are found among the orders of the number, which are few; the
# limits and offsets keep Postgres at looking up one by one.
_LOOK = sql(
    f"""
    SELECT i.order_id, i.platform_id, i.status, i.follows IS NOT NULL AS joined,
        o.kind, o.status AS order_status, o.scope, o.cutoff, o.action, o.deadline,
        o.number_index, o.owner_since, o.carrier_id, o.recheck, o.hidden,
        c.status AS carrier_status, p.slug,
        e.id AS endpoint_id, coalesce({RECEIVES}, false) AS receives,
        p.sensitive AND o.scope = {Scope.PREVIOUS_OWNER.code} AS folded,
        (
            SELECT true FROM orders r
            WHERE r.number_index = o.number_index AND r.restores = o.id
            LIMIT 1
        ) IS NOT NULL AS restored,
        (
            SELECT true FROM orders x
            CROSS JOIN LATERAL (
                SELECT status FROM items
                WHERE order_id = x.id AND platform_id = i.platform_id
                OFFSET 0
            ) l
            WHERE x.number_index = o.number_index AND x.id <> o.id
                AND x.kind = o.kind AND x.scope = o.scope AND x.cutoff = o.cutoff
                AND x.action IS NOT DISTINCT FROM o.action AND NOT x.hidden
                AND x.status IN ({codes_of(OPEN)}) AND x.deadline > :now
                AND l.status < {FIRST_FINAL_CODE}
                AND NOT (l.status = {ItemStatus.QUEUED.code}
                    AND x.status = {OrderStatus.HELD.code}
                    AND x.held_for = {HoldReason.BRAKED.code})
            LIMIT 1
        ) IS NOT NULL AS led
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    CROSS JOIN LATERAL (
        SELECT * FROM items
        WHERE order_id = n.order_id AND platform_id = n.platform_id
        OFFSET 0
    ) i
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = n.order_id OFFSET 0) o
    JOIN carriers c ON c.id = o.carrier_id
    JOIN platforms p ON p.id = i.platform_id
    JOIN endpoints e ON e.platform_id = p.id""",
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
