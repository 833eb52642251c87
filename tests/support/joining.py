"""Orders about many numbers, which do not join each other, and about one, which do."""

from uuid import UUID

from sqlalchemy import select

from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.items.item import ItemKey
from unbind_broker.items.tables import items
from unbind_broker.platforms.service import Platform


def a_number(place: int) -> PhoneNumber:
    """One of the made-up numbers, from 0 to 9999."""
    return PhoneNumber(f"+861380000{place:04d}")


async def followed_by(db: Db, order_id: OrderId, platform: Platform) -> UUID | None:
    """Whose item this order's item of the platform follows."""
    found = await db.execute(
        select(items.c.follows).where(
            items.c.order_id == order_id, items.c.platform_id == platform.id
        )
    )
    follows: UUID | None = found.scalar_one()
    return follows


def key_of(order_id: UUID, platform: Platform) -> ItemKey:
    return ItemKey(order_id, platform.id)


def a_line(order_id: UUID, outcome: str = "unbound", **fields: object) -> object:
    """What a platform reports of an unbind order's item."""
    line = {"id": format_id(Prefix.ORDER, order_id), "outcome": outcome, **fields}
    if outcome in {"unbound", "partly_unbound", "closed"}:
        line.setdefault("last_bound_at", "2024-05-01T00:00:00Z")
    return line
