# ruff: noqa: S608 - only column names and enum codes are put into statements
"""Write an order down with all its items in one statement, as most orders are."""

from collections.abc import Collection
from typing import NamedTuple

from unbind_broker.base.database import INTS, UUID, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.items.service import creating
from unbind_broker.orders.order import Order
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.service import COLUMN_TYPES, INSERT
from unbind_broker.orders.states import OrderStatus


class NewItem(NamedTuple):
    """A queued item, by what its order's carrier sees of its platform."""

    sensitive: bool
    slug: str
    name_zh: str


async def add_with_items(
    db: Db, order: Order, platforms: Collection[PlatformId] | None
) -> list[NewItem]:
    """Do what ``orders.service.add`` and ``items.service.create`` do, in one go.

    Returns the items in the order in which views show them.
    """
    chosen = None if platforms is None else list(platforms)
    values = {**vars(order), "order": order.id, "chosen": chosen}
    return [NewItem(*row) for row in await fetch_all(db, _ADD, values)]


_ADD = sql(
    f"""
    WITH added AS ({INSERT} RETURNING id, status),
    sendable AS (SELECT id FROM added WHERE status <> {OrderStatus.HELD.code}),
    logged AS ({LOG_SENDABLE}),
    made AS (
        {creating(":carrier_id")} AND (p.id = ANY(:chosen) OR :chosen IS NULL)
        RETURNING platform_id
    )
    SELECT p.sensitive, p.slug, p.name_zh
    FROM made JOIN platforms p ON p.id = made.platform_id
    ORDER BY p.slug""",
    **COLUMN_TYPES,
    order=UUID,
    chosen=INTS,
)
