"""Rows behind a platform's report."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import RowMapping, any_, exists, func, literal, select

from unbind_broker.base.database import INTS, UUIDS, Db
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.callbacks.demands import Question
from unbind_broker.deliveries.tables import undelivered
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import HoldReason, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms


@dataclass(frozen=True)
class AskedOrder:
    """Whose order an item is part of.

    ``is_folded``: its carrier is never told anything of this platform by name.
    """

    carrier_id: CarrierId
    reference: str | None
    is_folded: bool


@dataclass(frozen=True)
class AskedItem:
    """An item, locked, with what was asked and by whom; others may follow it."""

    item: Item
    question: Question
    order: AskedOrder
    followed: bool
    attempts: int
    ended_before: bool  # and was opened again, by a requeue

    @property
    def is_unaware(self) -> bool:
        """Tell whether the platform was asked, and not told that it was called back.

        A report on an item of which no attempt is recorded proves that the record was
        lost in a crash.
        """
        return self.item.status is ItemStatus.CANCELLED and not self.attempts

    @property
    def is_seen_changing(self) -> bool:
        """Tell whether its carrier sees that it changes: a folded one only ends once.

        That is when it is taken, for the first time.
        """
        if not self.order.is_folded:
            return True
        return self.item.status is ItemStatus.QUEUED and not self.ended_before


@dataclass(frozen=True)
class Reporter:
    """The platform that reports."""

    id: PlatformId
    slug: str
    domains: tuple[str, ...]
    sensitive: bool


async def load_reporters(
    db: Db, named: Collection[PlatformId]
) -> dict[PlatformId, Reporter]:
    """Read what judging needs of platforms."""
    rows = await db.execute(
        select(
            platforms.c.id, platforms.c.slug, platforms.c.domains, platforms.c.sensitive
        ).where(platforms.c.id == any_(literal(list(named), INTS)))
    )
    return {
        row.id: Reporter(row.id, row.slug, tuple(row.domains), row.sensitive)
        for row in rows
    }


async def lock_items(
    db: Db, reporters: Mapping[PlatformId, Reporter], keys: Collection[ItemKey]
) -> dict[ItemKey, AskedItem]:
    """Lock items in the order of their keys, and read what they are.

    Those that follow others were never sent to their platforms.
    """
    if not keys:
        return {}
    named = (
        func.unnest(
            literal([key.order_id for key in keys], UUIDS),
            literal([key.platform_id for key in keys], INTS),
        )
        .table_valued("order_id", "platform_id", name="named")
        .render_derived()
    )
    rows = await db.execute(
        select(items, *_ASKED)
        .join_from(
            named,
            items,
            (items.c.order_id == named.c.order_id)
            & (items.c.platform_id == named.c.platform_id),
        )
        .join(orders, orders.c.id == items.c.order_id)
        .where(items.c.follows.is_(None))
        .order_by(items.c.order_id, items.c.platform_id)
        .with_for_update(of=items, key_share=True)
    )
    found = [_asked_item(row, reporters[row["platform_id"]]) for row in rows.mappings()]
    return {asked.item.key: asked for asked in found}


def _asked_item(row: RowMapping, reporter: Reporter) -> AskedItem:
    item = Item(
        key=ItemKey(row["order_id"], row["platform_id"]),
        **{name: row[name] for name in _CHANGEABLE},
    )
    held = row["order_status"] is OrderStatus.HELD
    question = Question(
        kind=row["kind"],
        action=row["action"],
        bound_from=row["bound_from"],
        bound_before=row["bound_before"],
        deadline=row["deadline"],
        held=held and row["held_for"] is not HoldReason.BRAKED,
        domains=reporter.domains,
    )
    order = AskedOrder(
        carrier_id=row["carrier_id"],
        reference=row["reference"],
        is_folded=reporter.sensitive and row["scope"] is Scope.PREVIOUS_OWNER,
    )
    return AskedItem(
        item, question, order, row["followed"], row["attempts"], row["ended_before"]
    )


_ASKED = (
    orders.c.kind,
    orders.c.action,
    orders.c.bound_from,
    orders.c.bound_before,
    orders.c.deadline,
    orders.c.status.label("order_status"),
    orders.c.held_for,
    orders.c.carrier_id,
    orders.c.reference,
    orders.c.scope,
    exists()
    .where(
        undelivered.c.order_id == items.c.order_id,
        undelivered.c.platform_id == items.c.platform_id,
    )
    .label("ended_before"),
)
_CHANGEABLE = tuple(
    name for name in Item.__dataclass_fields__ if name in items.c and name != "key"
)
