"""A broker in trouble of every sort, for pages that tell of it."""

from datetime import datetime, timedelta

from sqlalchemy import insert, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.guards import orders_of_their_own
from tests.support.order_builders import a_reachable_platform, bring_to
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers import brakes
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.tables import clearances
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.undelivered import note
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import HoldReason, OrderStatus
from unbind_broker.orders.tables import orders

_HOUR = timedelta(hours=1)


async def make_trouble(db: Db, now: datetime) -> None:
    """Let everything go wrong that an overview tells of, and have no worker."""
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db, "weibo")
    dark = (await an_endpoint(db, await a_platform(db, "jd"))).endpoint
    await an_endpoint(db, await a_platform(db, "ctrip"), paused_by=PausedBy.ADMIN)
    await an_endpoint(db, await a_platform(db, "didi"), disabled="answered 410")
    ill = Health(
        Condition.OPEN,
        now,
        failing_since=now - _HOUR,
        failures=12,
        last_error="answered 503",
    )
    await health_store.save(db, {dark.id: ill})
    begun = now - 2 * _HOUR
    late, urgent, held, lost, wrong = await orders_of_their_own(
        db, carrier, 5, now=begun
    )
    for order_id, due in ((late, -_HOUR), (urgent, _HOUR / 2)):
        moved = update(orders).where(orders.c.id == order_id)
        await db.execute(moved.values(deadline=now + due))
    disputed = update(orders).where(orders.c.id == held)
    why = {"held_for": HoldReason.DISPUTED_HOLDING, "held_until": now}
    await db.execute(disputed.values(status=OrderStatus.HELD, **why))
    await note(db, now, [ItemKey(lost, weibo.id)], Cause.REFUSED)
    await bring_to(db, ItemKey(lost, weibo.id), ItemStatus.UNDELIVERABLE)
    await db.execute(
        insert(violations).values(
            id=new_uuid7(now),
            order_id=wrong,
            platform_id=weibo.id,
            carrier_id=carrier.id,
            outcome=ItemStatus.UNBOUND,
            last_bound_at=now,
            raised_at=now,
        )
    )
    await brakes.engage(db, now, carrier.id, "too many went wrong", "broker")
    await db.execute(
        insert(clearances).values(
            id=new_uuid7(now),
            carrier_id=carrier.id,
            status=ClearanceStatus.STOPPED,
            created_at=begun,
            published_at=begun,
            deadline=now + _HOUR,
            stopped_at=now,
            stop_reason=StopReason.ACTIVE_AFTER_CUTOFF,
            numbers=1200,
        )
    )
