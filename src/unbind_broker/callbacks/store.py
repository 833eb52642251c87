"""Rows behind a platform's report."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import any_, literal, select

from unbind_broker.base.database import UUIDS, Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.callbacks.demands import Question
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms


@dataclass(frozen=True)
class AskedItem:
    """An item, locked, with what was asked."""

    item: Item
    question: Question


@dataclass(frozen=True)
class Reporter:
    """The platform that reports."""

    id: PlatformId
    slug: str
    domains: tuple[str, ...]


async def load_reporter(db: Db, platform: PlatformId) -> Reporter:
    """Read what judging needs of a platform."""
    row = (
        await db.execute(
            select(platforms.c.slug, platforms.c.domains).where(
                platforms.c.id == platform
            )
        )
    ).one()
    return Reporter(platform, row.slug, tuple(row.domains))


async def lock_items(
    db: Db, reporter: Reporter, order_ids: Collection[UUID]
) -> dict[UUID, AskedItem]:
    """Lock a platform's items in the order of their keys, and read what they are."""
    rows = await db.execute(
        select(items, *_ASKED)
        .join(orders, orders.c.id == items.c.order_id)
        .where(
            items.c.platform_id == reporter.id,
            items.c.order_id == any_(literal(list(order_ids), UUIDS)),
        )
        .order_by(items.c.order_id)
        .with_for_update(of=items, key_share=True)
    )
    return {
        row["order_id"]: AskedItem(
            Item(
                key=ItemKey(row["order_id"], row["platform_id"]),
                **{name: row[name] for name in _CHANGEABLE},
            ),
            Question(
                kind=row["kind"],
                action=row["action"],
                bound_from=row["bound_from"],
                bound_before=row["bound_before"],
                deadline=row["deadline"],
                held=row["order_status"] is OrderStatus.HELD,
                domains=reporter.domains,
            ),
        )
        for row in rows.mappings()
    }


_ASKED = (
    orders.c.kind,
    orders.c.action,
    orders.c.bound_from,
    orders.c.bound_before,
    orders.c.deadline,
    orders.c.status.label("order_status"),
)
_CHANGEABLE = tuple(
    name for name in Item.__dataclass_fields__ if name in items.c and name != "key"
)
