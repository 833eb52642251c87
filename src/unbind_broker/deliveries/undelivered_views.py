# ruff: noqa: S608 - only enum codes are put into statements
"""Which items are undeliverable, and why: for administrators, who mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Table,
    select,
    true,
    tuple_,
)

from unbind_broker.base.database import (
    INT,
    INTS,
    UUID,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.ids import FIRST_INSTANT, uuid7_floor
from unbind_broker.base.sealing import Sealer
from unbind_broker.carriers.tables import carriers
from unbind_broker.deliveries.outcomes import Cause, OutcomeKind
from unbind_broker.deliveries.tables import undelivered
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import show_number
from unbind_broker.platforms.tables import platforms

RECORDED_WITHIN = timedelta(minutes=1)
"""How far before the row the refused request is looked for."""
_AHEAD = timedelta(seconds=2)
"""So far ids may run ahead of the time at which they are made."""


@dataclass(frozen=True)
class WantedItems:
    """Which items to find; parties by slugs, None takes all."""

    platform: str | None = None
    carrier: str | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class UndeliveredItem:
    """One item that its platform never took; its number is masked."""

    key: ItemKey
    kind: OrderKind
    carrier: str
    platform: str
    number: str
    cause: Cause
    at: datetime
    attempts: int
    deadline: datetime


@dataclass(frozen=True)
class Refusal:
    """The answer by which a platform refused an item."""

    status_code: int | None
    error: str | None
    answer_head: str | None


async def list_undelivered(
    db: Db,
    wanted: WantedItems,
    page: tuple[ItemKey | None, int],
    sealer: Sealer,
) -> list[UndeliveredItem]:
    """Read items, those of the newest orders first.

    ``page`` is the item behind which the page starts and how many it holds. Those of
    sensitive platforms are among them.
    """
    before, limit = page
    rows = await db.execute(_page(_SHOWN, wanted, before).limit(limit))
    return [
        UndeliveredItem(
            key=ItemKey(row.id, row.platform_id),
            kind=row.kind,
            carrier=row.carrier,
            platform=row.platform,
            number=show_number(row, sealer),
            cause=row.cause,
            at=row.at,
            attempts=row.attempts,
            deadline=row.deadline,
        )
        for row in rows
    ]


async def pick(
    db: Db, wanted: WantedItems, before: ItemKey | None, limit: int
) -> list[ItemKey]:
    """Name the items that ``list_undelivered`` shows, in its order."""
    rows = await db.execute(_page(_NAMED, wanted, before).limit(limit))
    return [ItemKey(*row) for row in rows]


async def last_refusals(
    db: Db, found: Sequence[UndeliveredItem]
) -> dict[ItemKey, Refusal]:
    """Find the requests whose payload was refused, as far as they are kept.

    Requests bear no index by item, so only those about the time of the row are seen.
    """
    refused = [one for one in found if one.cause is Cause.REFUSED]
    if not refused:
        return {}
    values = {
        **key_arrays([one.key for one in refused]),
        "firsts": [uuid7_floor(one.at - RECORDED_WITHIN) for one in refused],
        "ends": [uuid7_floor(one.at + _AHEAD) for one in refused],
    }
    return {
        ItemKey(row.order_id, row.platform_id): Refusal(
            row.status_code, row.error, row.answer_head
        )
        for row in await fetch_all(db, _REFUSALS, values)
    }


def _page(
    columns: Select[Any], wanted: WantedItems, before: ItemKey | None
) -> Select[Any]:
    key = (undelivered.c.order_id, undelivered.c.platform_id)
    page = columns.where(*_conditions(wanted))
    if before is not None:
        page = page.where(tuple_(*key) < tuple_(*before, types=[UUID, INT]))
    return page.order_by(*(column.desc() for column in key))


def _conditions(wanted: WantedItems) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.platform is not None:
        named = select(platforms.c.id).where(platforms.c.slug == wanted.platform)
        conditions.append(undelivered.c.platform_id == named.scalar_subquery())
    if wanted.carrier is not None:
        named = select(carriers.c.id).where(carriers.c.slug == wanted.carrier)
        conditions.append(_ORDER.c.carrier_id == named.scalar_subquery())
    if wanted.cause is not None:
        conditions.append(undelivered.c.cause == wanted.cause)
    if wanted.since is not None:
        conditions.append(undelivered.c.at >= _possible(wanted.since))
    if wanted.until is not None:
        until = _possible(wanted.until)
        conditions.append(undelivered.c.at < until)
        conditions.append(undelivered.c.order_id < uuid7_floor(until + _AHEAD))
    return conditions


def _possible(at: datetime) -> datetime:
    """Give the nearest instant at which an order can have been made."""
    return min(max(at, FIRST_INSTANT), datetime.max.replace(tzinfo=UTC) - _AHEAD)


def _slug_of(parties: Table, party_id: ColumnElement[int]) -> ScalarSelect[str]:
    """Look a name up row by row: a join might be where Postgres begins to read."""
    return select(parties.c.slug).where(parties.c.id == party_id).scalar_subquery()


# OFFSET keeps Postgres at looking items and orders up one by one, along the index.
_ITEM = (
    select(items.c.status, items.c.attempts)
    .where(
        items.c.order_id == undelivered.c.order_id,
        items.c.platform_id == undelivered.c.platform_id,
    )
    .offset(0)
    .correlate(undelivered)
    .lateral("item")
)
_ORDER = (
    select(
        orders.c.id,
        orders.c.kind,
        orders.c.carrier_id,
        orders.c.number_sealed,
        orders.c.deadline,
    )
    .where(orders.c.id == undelivered.c.order_id)
    .offset(0)
    .correlate(undelivered)
    .lateral("placed")
)
_STANDING = undelivered.join(_ITEM, _ITEM.c.status == ItemStatus.UNDELIVERABLE).join(
    _ORDER, true()
)
_NAMED = select(undelivered.c.order_id, undelivered.c.platform_id).select_from(
    _STANDING
)
_SHOWN = select(
    _ORDER.c.id,
    undelivered.c.platform_id,
    undelivered.c.at,
    undelivered.c.cause,
    _ITEM.c.attempts,
    _ORDER.c.kind,
    _ORDER.c.number_sealed,
    _ORDER.c.deadline,
    _slug_of(carriers, _ORDER.c.carrier_id).label("carrier"),
    _slug_of(platforms, undelivered.c.platform_id).label("platform"),
).select_from(_STANDING)
_REFUSALS = sql(
    f"""
    SELECT n.order_id, n.platform_id, a.status_code, a.error, a.answer_head
    FROM unnest(:orders, :platforms, :firsts, :ends)
        AS n (order_id, platform_id, first, before)
    JOIN endpoints e ON e.platform_id = n.platform_id
    CROSS JOIN LATERAL (
        SELECT status_code, error, answer_head FROM attempts
        WHERE endpoint_id = e.id AND id >= n.first AND id < n.before
            AND outcome = {OutcomeKind.PAYLOAD_REFUSED.code}
            AND n.order_id = ANY(order_ids)
        ORDER BY id DESC
        LIMIT 1
    ) a""",
    orders=UUIDS,
    platforms=INTS,
    firsts=UUIDS,
    ends=UUIDS,
)
