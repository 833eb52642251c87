"""What the guards go by, and results that they look at."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON
from tests.support.order_builders import POLICY, an_order, asked
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.callbacks.results import Applying
from unbind_broker.carriers.service import Carrier
from unbind_broker.orders.states import OrderKind

BRAKE = BrakePolicy(share=0.02, least=5)
APPLYING = Applying(POLICY.working_time, BRAKE)

INSIDE = "2024-05-01T00:00:00Z"
OUTSIDE = "2025-06-01T00:00:00Z"
"""Before and after the cutoff of orders whose holder came on 2025-03-01."""

_numbers = count()


def removed(item_id: str, last_bound_at: str = INSIDE, **fields: Any) -> dict[str, Any]:
    """A line that says that one binding was removed."""
    line = {"id": item_id, "outcome": "unbound", "removed": 1}
    return {**line, "last_bound_at": last_bound_at, **fields}


def active_after_cutoff(item_id: str) -> dict[str, Any]:
    return {"id": item_id, "outcome": "refused", "reason": "active_after_cutoff"}


def ord_id(order_id: OrderId) -> str:
    return format_id(Prefix.ORDER, order_id)


async def orders_of_their_own(
    db: Db,
    carrier: Carrier,
    how_many: int,
    kind: OrderKind = OrderKind.UNBIND,
    *,
    now: datetime = NOON,
) -> list[OrderId]:
    """Orders that were accepted ``now``, each about a number of its own."""
    made = []
    for _ in range(how_many):
        number = PhoneNumber(f"+861380000{next(_numbers) % 10_000:04}")
        wanted = asked(kind, number=number, now=now)
        made.append(await an_order(db, carrier, wanted, now=now))
    return made


async def orders_committed(
    engine: AsyncEngine, carrier: Carrier, how_many: int
) -> list[OrderId]:
    """The same, for everybody to see."""
    async with engine.begin() as db:
        return await orders_of_their_own(db, carrier, how_many)
