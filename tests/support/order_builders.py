"""Make the past of orders: accepted ones, and items that got somewhere."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, insert, select, text, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.carriers.service import Carrier
from unbind_broker.endpoints.states import Delivery
from unbind_broker.intake.asked import Asked, AskingCarrier, Consent, OwnWords
from unbind_broker.intake.place_order import IntakeTools, Placed, place
from unbind_broker.intake.rules import Policy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import (
    Action,
    ConsentMethod,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.service import Platform

NUMBER = PhoneNumber("+8613800001234")
OWNER_SINCE = date(2025, 3, 1)

POLICY = Policy(
    working_time=WorkingTime(5, ZoneInfo("Asia/Shanghai")),
    query_deadline=timedelta(minutes=10),
    undo_window=timedelta(hours=24),
    consent_max_age=timedelta(hours=24),
    ported_in_since=date(2021, 1, 1),
    freeze=timedelta(days=90),
    join_window=timedelta(days=30),
    query_validity=timedelta(minutes=10),
    open_per_number=50,
    refusals_per_day=10_000,
)
INTAKE = IntakeTools(POLICY, SEALER, BLIND_INDEX)


def asking(carrier: Carrier) -> AskingCarrier:
    return AskingCarrier(carrier.id, f"carrier:{carrier.slug}")


def asked(
    kind: OrderKind = OrderKind.UNBIND,
    *,
    number: PhoneNumber = NUMBER,
    owner_since: date = OWNER_SINCE,
    scope: Scope = Scope.PREVIOUS_OWNER,
    platforms: tuple[str, ...] | None = None,
    action: Action | None = None,
    reference: str | None = None,
    now: datetime = NOON,
) -> Asked:
    """What a carrier asks for; an order wants to detach unless it says otherwise."""
    if kind is OrderKind.UNBIND and action is None:
        action = Action.DETACH
    return Asked(
        kind=kind,
        about=OwnWords(number, owner_since, scope, platforms),
        consent=Consent(ConsentMethod.SMS_OTP, now),
        action=action,
        reference=reference,
    )


async def a_reachable_platform(
    db: Db,
    slug: str = "weibo",
    *,
    sensitive: bool = False,
    capabilities: tuple[str, ...] = ("detach",),
    delivery: Delivery = Delivery.PUSH,
    result_public_key: str | None = None,
) -> Platform:
    """An active platform with a verified endpoint: it receives items."""
    platform = await a_platform(
        db, slug, sensitive=sensitive, capabilities=capabilities
    )
    await an_endpoint(
        db, platform, delivery=delivery, result_public_key=result_public_key
    )
    return platform


async def an_order(
    db: Db, carrier: Carrier, wanted: Asked | None = None, *, now: datetime = NOON
) -> OrderId:
    """An order that was accepted ``now``."""
    wanted = wanted or asked(now=now)
    placed = await place(db, now, wanted, asking(carrier), INTAKE)
    assert isinstance(placed, Placed)
    return placed.order_id


async def a_query(
    db: Db, carrier: Carrier, wanted: Asked | None = None, *, now: datetime = NOON
) -> OrderId:
    """A query that was accepted ``now``."""
    return await an_order(
        db, carrier, wanted or asked(OrderKind.QUERY, now=now), now=now
    )


async def an_item(
    db: Db,
    *,
    status: ItemStatus = ItemStatus.QUEUED,
    kind: OrderKind = OrderKind.UNBIND,
    now: datetime = NOON,
) -> ItemKey:
    """The one item of an order of its own carrier and platform."""
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier, asked(kind, now=now), now=now)
    key = ItemKey(order_id, platform.id)
    await bring_to(db, key, status, now=now)
    return key


async def bring_to(
    db: Db, key: ItemKey, status: ItemStatus, *, now: datetime = NOON
) -> None:
    """Let an item have got to ``status``, whatever led there."""
    taken = status not in {ItemStatus.QUEUED, ItemStatus.UNDELIVERABLE}
    await db.execute(
        update(items)
        .where(items.c.order_id == key.order_id)
        .where(items.c.platform_id == key.platform_id)
        .values(
            status=status,
            attempts=1 if taken else 0,
            acknowledged_at=now if taken else None,
            finished_at=now if status.is_final else None,
        )
    )


async def many_orders(
    db: Db, carrier: Carrier, count: int, *, like: OrderId
) -> list[OrderId]:
    """Copies of one order, items, log row and all, made without accepting each."""
    model = (await db.execute(select(orders).where(orders.c.id == like))).mappings()
    order = dict(model.one())
    parts = await db.execute(select(items).where(items.c.order_id == like))
    templates = [dict(row) for row in parts.mappings()]
    ids = [OrderId(UUID(int=like.int + place)) for place in range(1, count + 1)]
    rows = [{**order, "id": new, "carrier_id": carrier.id} for new in ids]
    await db.execute(insert(orders), rows)
    copies = [{**part, "order_id": new} for new in ids for part in templates]
    await db.execute(insert(items), copies)
    xid = (await db.execute(text("SELECT pg_current_xact_id()::text::bigint"))).scalar()
    await db.execute(insert(order_log), [{"xid": xid, "order_id": new} for new in ids])
    return ids


async def item_row(db: Db, key: ItemKey) -> Row[tuple[object, ...]]:
    """One item as it stands."""
    found = await db.execute(
        select(items).where(
            items.c.order_id == key.order_id, items.c.platform_id == key.platform_id
        )
    )
    return found.one()


async def order_status(db: Db, order_id: UUID) -> OrderStatus:
    found = await db.execute(select(orders.c.status).where(orders.c.id == order_id))
    status: OrderStatus = found.scalar_one()
    return status


def with_changes(wanted: Asked, **changes: object) -> Asked:
    """The same request with some fields changed."""
    return replace(wanted, **changes)  # type: ignore[arg-type] # by name
