"""An order as administrators see it: all of it, every platform by its name.

None of this may be shown to a carrier: sensitive platforms stand here, too.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer
from unbind_broker.carriers.tables import carriers
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_number, show_order_id
from unbind_broker.platforms.tables import platforms


@dataclass(frozen=True, kw_only=True)
class Part:
    """One platform's part of an order."""

    platform_id: PlatformId
    slug: str
    name_zh: str
    name_en: str
    sensitive: bool
    status: ItemStatus
    reason: Reason | None
    holder_action: HolderAction | None
    detail: str | None
    attempts: int
    late: bool
    acknowledged_at: datetime | None
    finished_at: datetime | None
    removed: int | None
    kept: int | None
    joined: bool


@dataclass(frozen=True, kw_only=True)
class WholeOrder:
    """An order with the parts of all its platforms, in the order of their slugs.

    ``query``, ``restores`` and ``name`` are public ids. ``told_at`` is when its carrier
    could see that it is over. ``hidden``: the broker made it, no carrier sees it.
    """

    id: UUID
    name: str
    kind: OrderKind
    status: OrderStatus
    carrier_id: CarrierId
    carrier: str
    number: str
    number_is_kept: bool
    owner_since: date
    cutoff: datetime
    scope: Scope
    action: Action | None
    reference: str | None
    query: str | None
    restores: str | None
    created_at: datetime
    held_until: datetime | None
    held_for: HoldReason | None
    deadline: datetime
    deadline_provisional: bool
    completed_at: datetime | None
    told_at: datetime | None
    hidden: bool
    parts: list[Part]


async def read_whole_order(db: Db, order_id: UUID, sealer: Sealer) -> WholeOrder | None:
    """Read one order of any carrier; None if it is not there."""
    row = (await db.execute(_ORDER.where(orders.c.id == order_id))).one_or_none()
    if row is None:
        return None
    parts = await db.execute(_PARTS.where(items.c.order_id == order_id))
    return _shown(row, [Part(**part) for part in parts.mappings()], sealer)


async def unmask(
    db: Db, now: datetime, order_id: UUID, sealer: Sealer, why: tuple[str, str]
) -> PhoneNumber | None:
    """Tell the number of an order; that, and why, is audited.

    ``why`` is who asks and the reason. None where there is no order, or its number has
    been destroyed. Raises ``SealBroken``.
    """
    actor, reason = why
    kept = select(orders.c.number_sealed, orders.c.number_index)
    found = await db.execute(kept.where(orders.c.id == order_id))
    row = found.one_or_none()
    if row is None or row.number_sealed is None:
        return None
    number = open_number(sealer, row.number_sealed)
    fact = Fact(
        actor,
        "number.unmasked",
        order_id=order_id,
        number_index=row.number_index,
        facts={"reason": reason},
    )
    await record(db, now, fact)
    return number


def _shown(row: Any, parts: list[Part], sealer: Sealer) -> WholeOrder:
    query, restores = row.query_id, row.restores
    return WholeOrder(
        id=row.id,
        name=show_order_id(row.kind, row.id),
        kind=row.kind,
        status=row.status,
        carrier_id=CarrierId(row.carrier_id),
        carrier=row.carrier,
        number=show_number(row, sealer),
        number_is_kept=row.number_sealed is not None,
        owner_since=row.owner_since,
        cutoff=row.cutoff,
        scope=row.scope,
        action=row.action,
        reference=row.reference,
        query=query and show_order_id(OrderKind.QUERY, query),
        restores=restores and show_order_id(OrderKind.UNBIND, restores),
        created_at=row.created_at,
        held_until=row.held_until,
        held_for=row.held_for,
        deadline=row.deadline,
        deadline_provisional=row.deadline_provisional,
        completed_at=row.completed_at,
        told_at=row.told_at,
        hidden=row.hidden,
        parts=parts,
    )


_ORDER = select(orders, carriers.c.slug.label("carrier")).join(
    carriers, carriers.c.id == orders.c.carrier_id
)
_PARTS = (
    select(
        items.c.platform_id,
        platforms.c.slug,
        platforms.c.name_zh,
        platforms.c.name_en,
        platforms.c.sensitive,
        items.c.status,
        items.c.reason,
        items.c.holder_action,
        items.c.detail,
        items.c.attempts,
        items.c.late,
        items.c.acknowledged_at,
        items.c.finished_at,
        items.c.removed,
        items.c.kept,
        items.c.follows.is_not(None).label("joined"),
    )
    .join(platforms, platforms.c.id == items.c.platform_id)
    .order_by(platforms.c.slug)
)
