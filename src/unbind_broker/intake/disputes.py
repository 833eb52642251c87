# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""Orders that wait because two carriers differ, with the words of both."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from unbind_broker.base.database import BYTESES, INT, Db, fetch_all, sql
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.holdings.states import Began, Ended
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_number, show_order_id

MOST_LOOKED_AT = 5_000
"""Among so many held orders those are looked for that are disputed."""


@dataclass(frozen=True)
class ToldHolder:
    """What one carrier told of one holder of a disputed number."""

    carrier: str
    since: date | None
    began: Began
    ended: Ended | None
    until: date | None
    confirmed_at: datetime


@dataclass(frozen=True)
class DisputedOrder:
    """An order that is held for a dispute; ``number`` is masked."""

    name: str
    number: str
    carrier: str
    owner_since: date
    created_at: datetime
    held_until: datetime | None
    told: Sequence[ToldHolder]


async def list_disputed(db: Db, limit: int, sealer: Sealer) -> list[DisputedOrder]:
    """List orders held for a dispute, those that go on first, with what was told."""
    page = {"most": MOST_LOOKED_AT, "limit": limit}
    rows = await fetch_all(db, _DISPUTED, page)
    indexes = list({row.number_index for row in rows})
    told: defaultdict[bytes, list[ToldHolder]] = defaultdict(list)
    for one in await fetch_all(db, _TOLD, {"numbers": indexes}) if rows else ():
        told[one.number_index].append(_told(one))
    return [_disputed(row, told[row.number_index], sealer) for row in rows]


async def number_of(db: Db, order_id: UUID, sealer: Sealer) -> PhoneNumber | None:
    """Open an order's number; None where it is destroyed, or cannot be read."""
    found = select(orders.c.number_sealed).where(orders.c.id == order_id)
    sealed = (await db.execute(found)).scalar_one_or_none()
    try:
        return None if sealed is None else open_number(sealer, sealed)
    except SealBroken:
        return None


def _disputed(row: Any, told: Sequence[ToldHolder], sealer: Sealer) -> DisputedOrder:
    kind = OrderKind.from_code(row.kind)
    shown = SimpleNamespace(id=row.id, kind=kind, number_sealed=row.number_sealed)
    return DisputedOrder(
        show_order_id(kind, row.id),
        show_number(shown, sealer),
        row.carrier,
        row.owner_since,
        row.created_at,
        row.held_until,
        told,
    )


def _told(row: Any) -> ToldHolder:
    return ToldHolder(
        row.slug,
        row.since,
        Began.from_code(row.began),
        None if row.ended is None else Ended.from_code(row.ended),
        row.until,
        row.confirmed_at,
    )


_DISPUTED = sql(
    f"""
    SELECT o.id, o.kind, o.number_sealed, o.number_index, o.owner_since, o.created_at,
        o.held_until, c.slug AS carrier
    FROM (
        SELECT * FROM orders
        WHERE status = {OrderStatus.HELD.code}
        ORDER BY held_until
        LIMIT :most
    ) o
    JOIN carriers c ON c.id = o.carrier_id AND c.sandbox_of IS NULL
    WHERE o.held_for = {HoldReason.DISPUTED_HOLDING.code}
    ORDER BY o.held_until, o.id
    LIMIT :limit""",
    most=INT,
    limit=INT,
)
_TOLD = sql(
    """
    SELECT h.number_index, h.since, h.began, h.ended, h.until, h.confirmed_at, c.slug
    FROM holdings h
    JOIN carriers c ON c.id = h.carrier_id
    WHERE h.number_index = ANY(:numbers) AND h.retracted_at IS NULL
    ORDER BY h.id""",
    numbers=BYTESES,
)
