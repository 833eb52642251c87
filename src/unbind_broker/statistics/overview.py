# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""Everything that an administrator wants to see first, in one read of bounded cost."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.audit.seals import START, Position
from unbind_broker.base.database import BIG, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.carriers import brakes
from unbind_broker.carriers.brakes import Brake
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import HoldReason
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.backlog import (
    OpenItems,
    OpenOrders,
    Unsent,
    read_oldest_unsent,
    read_open_items,
    read_open_orders,
)
from unbind_broker.statistics.clearings import ClearanceUnderWay, read_clearances
from unbind_broker.statistics.flow import Minute, read_minutes
from unbind_broker.statistics.standing import Standings, read_standings

MOST_COUNTED = 2_000
"""Undeliverable items, violations and unsealed events are counted up to here."""


@dataclass(frozen=True)
class Sealing:
    """How far the trail is sealed; ``unsealed`` is counted up to ``MOST_COUNTED``.

    ``waiting_since`` is the instant of the oldest event without a seal.
    """

    last_sealed_at: datetime | None
    unsealed: int
    waiting_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """How the broker stands at an instant; rehearsals are left out.

    ``minutes`` are the last 60, the oldest first. ``violations_open`` are removals that
    were not made good, ``undeliverable`` items that stand so: both among the newest
    ``MOST_COUNTED``.
    """

    at: datetime
    minutes: tuple[Minute, ...]
    orders: OpenOrders
    items: OpenItems
    oldest_unsent: Unsent | None
    platforms: Standings
    undeliverable: int
    violations_open: int
    brakes: tuple[Brake, ...]
    clearances: tuple[ClearanceUnderWay, ...]
    sealing: Sealing

    @property
    def disputes(self) -> int:
        """Count the orders that are held because it is disputed who holds a number."""
        return self.orders.held[HoldReason.DISPUTED_HOLDING]


async def overview(db: Db, now: datetime) -> Overview:
    """Read how the broker stands."""
    return Overview(
        at=now,
        minutes=await read_minutes(db, now),
        orders=await read_open_orders(db),
        items=await read_open_items(db, now),
        oldest_unsent=await read_oldest_unsent(db, now),
        platforms=await read_standings(db),
        undeliverable=await count_undeliverable(db),
        violations_open=await count_violations_open(db),
        brakes=tuple(await brakes.engaged(db)),
        clearances=await read_clearances(db),
        sealing=await read_sealing(db),
    )


async def read_sealing(db: Db) -> Sealing:
    """Read how far the trail is sealed."""
    last = await fetch_all(db, _LAST_SEAL, {})
    place = Position(last[0].last_xid, last[0].last_id) if last else START
    values = {"xid": place.xid, "id": place.id, "most": MOST_COUNTED}
    (row,) = await fetch_all(db, _UNSEALED, values)
    return Sealing(last[0].sealed_at if last else None, row.n, row.since)


async def count_undeliverable(db: Db) -> int:
    """Count the items that are undeliverable, of the newest ``MOST_COUNTED``."""
    return await _count(db, "undeliverable")


async def count_violations_open(db: Db) -> int:
    """Count removals that were not made good, of the newest ``MOST_COUNTED``."""
    return await _count(db, "violations")


async def _count(db: Db, what: str) -> int:
    counted: int = (
        await db.execute(_COUNTS[what], {"most": MOST_COUNTED})
    ).scalar_one()
    return counted


# Of the newest only: what the oldest of very many say is not read at a glance.
_COUNTS = {
    "undeliverable": sql(
        f"""
        SELECT count(*) FROM (
            SELECT order_id, platform_id FROM undelivered
            ORDER BY order_id DESC, platform_id DESC
            LIMIT :most
        ) u
        JOIN platforms p ON p.id = u.platform_id AND p.world = {World.REAL.code}
        CROSS JOIN LATERAL (
            SELECT FROM items i
            WHERE i.order_id = u.order_id AND i.platform_id = u.platform_id
                AND i.status = {ItemStatus.UNDELIVERABLE.code}
            OFFSET 0
        ) i""",
        most=INT,
    ),
    "violations": sql(
        f"""
        SELECT count(*) FROM (
            SELECT platform_id, restore_id FROM violations
            ORDER BY id DESC
            LIMIT :most
        ) v
        JOIN platforms p ON p.id = v.platform_id AND p.world = {World.REAL.code}
        LEFT JOIN LATERAL (
            SELECT true AS is_good FROM items i
            WHERE i.order_id = v.restore_id AND i.platform_id = v.platform_id
                AND i.status IN (
                    {ItemStatus.RESTORED.code}, {ItemStatus.NOT_BOUND.code})
            LIMIT 1
        ) made ON true
        WHERE made.is_good IS NULL""",
        most=INT,
    ),
}
_LAST_SEAL = sql(
    """
    SELECT last_xid, last_id, sealed_at FROM audit_seals
    ORDER BY number DESC
    LIMIT 1"""
)
_UNSEALED = sql(
    """
    SELECT count(*) AS n, min(e.at) AS since FROM (
        SELECT at FROM audit_events
        WHERE (xid, id) > (:xid, :id)
        ORDER BY xid, id
        LIMIT :most
    ) e""",
    xid=BIG,
    id=UUID_TYPE,
    most=INT,
)
