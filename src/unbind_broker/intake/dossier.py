"""Everything that is kept about one number: told because somebody asks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    any_,
    literal,
    select,
    tuple_,
)

from unbind_broker.audit.tables import audit_events
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import UUIDS, Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.forgetting import clearances_of, places_of
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.tables import items
from unbind_broker.notices.tables import notices
from unbind_broker.orders.kinds import kinds_of
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders, receipts
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.tables import platforms

_NAME_ORDERS = frozenset({"order_id", "query_id", "restores", "restore_id", "follows"})
_SECRET = frozenset(
    {"number_index", "number_sealed", "attestation_sealed", "carrier_id"}
)
_EVENTS = frozenset({"notices", "audit_events"})


_place = tuple_(violations.c.clearance_id, violations.c.place)


@dataclass(frozen=True)
class Dossier:
    """What is kept about a number, part by part, ready for JSON."""

    holdings: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    items: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    clearances: list[dict[str, Any]]
    audit_events: list[dict[str, Any]]


async def tell_everything(
    db: Db, now: datetime, number: PhoneNumber, index: BlindIndex, actor: str
) -> Dossier:
    """Read everything that is kept about a number, of all carriers and platforms."""
    number_index = index.index(number)
    order_ids = await orders_of(db, number_index)
    found = {
        part: (await db.execute(statement)).mappings().all()
        for part, statement in _parts(number_index, order_ids).items()
    }
    kinds = await kinds_of(db, _orders_named(found.values()))
    cleared = {row["clearance_id"] for row in found["violations"]} - {None}
    dossier = Dossier(
        **{
            part: [_shown(part, row, kinds, cleared) for row in rows]
            for part, rows in found.items()
        }
    )
    counts = {part: len(rows) for part, rows in vars(dossier).items()}
    fact = Fact(actor, "number.exported", number_index=number_index, facts=counts)
    await record(db, now, fact)
    return dossier


async def orders_of(db: Db, number_index: bytes) -> list[UUID]:
    """Name all orders about a number, of all carriers."""
    found = await db.execute(
        select(orders.c.id)
        .where(orders.c.number_index == number_index)
        .order_by(orders.c.id)
    )
    return list(found.scalars())


def _parts(number_index: bytes, order_ids: list[UUID]) -> dict[str, Select[Any]]:
    """Say where the parts of a dossier are; sealed and keyed columns are left out."""
    return {
        "holdings": _with_carrier(holdings)
        .where(holdings.c.number_index == number_index)
        .order_by(holdings.c.id),
        "orders": _with_carrier(orders).where(among(order_ids)).order_by(orders.c.id),
        "items": _with_platform(items, platforms.c.sensitive)
        .where(items.c.order_id == any_of(order_ids))
        .order_by(items.c.order_id, platforms.c.slug),
        "violations": _with_platform(violations)
        .where(
            (violations.c.order_id == any_of(order_ids))
            | (violations.c.restore_id == any_of(order_ids))
            | (_place.in_(places_of(number_index)))
        )
        .order_by(violations.c.id),
        "receipts": select(receipts)
        .where(receipts.c.order_id == any_of(order_ids))
        .order_by(receipts.c.order_id, receipts.c.version),
        "notices": select(
            notices.c.id, notices.c.event, notices.c.order_id, notices.c.at
        )
        .where(notices.c.order_id == any_of(order_ids))
        .order_by(notices.c.id),
        "clearances": clearances_of(number_index),
        "audit_events": select(
            *(one for one in audit_events.c if one.name != "number_index")
        )
        .where(
            (audit_events.c.number_index == number_index)
            | (audit_events.c.order_id == any_of(order_ids))
        )
        .order_by(audit_events.c.id),
    }


def _with_carrier(table: Table) -> Select[Any]:
    shown = (one for one in table.c if one.name not in _SECRET)
    return select(carriers.c.slug.label("carrier"), *shown).join(
        carriers, carriers.c.id == table.c.carrier_id
    )


def _with_platform(table: Table, *more: ColumnElement[Any]) -> Select[Any]:
    slug = platforms.c.slug.label("platform")
    return select(slug, *more, *table.c).join(
        platforms, platforms.c.id == table.c.platform_id
    )


def _orders_named(parts: Iterable[Sequence[RowMapping]]) -> set[UUID]:
    rows = [row for rows in parts for row in rows]
    named = {row[name] for row in rows for name in _NAME_ORDERS & row.keys()}
    return named - {None}


def _shown(
    part: str,
    row: RowMapping,
    kinds: Mapping[UUID, OrderKind],
    cleared: Collection[UUID],
) -> dict[str, Any]:
    """Write ids as everybody knows them; ``kinds`` are those of orders still there.

    ``cleared`` are clearances of which something was undone.
    """
    shown = {name: _plain(value) for name, value in row.items()}
    for name in _NAME_ORDERS & row.keys():
        if row[name] is not None:
            kind = kinds.get(row[name], OrderKind.UNBIND)
            shown[name] = show_order_id(kind, row[name])
    if part == "orders":
        shown["id"] = show_order_id(row["kind"], row["id"])
        if row["restores"] in cleared:
            shown["restores"] = format_id(Prefix.CLEARANCE, row["restores"])
    elif part in _EVENTS:
        shown["id"] = format_id(Prefix.EVENT, row["id"])
    elif part == "clearances":
        shown["id"] = format_id(Prefix.CLEARANCE, row["id"])
    elif part == "violations" and row["clearance_id"] is not None:
        shown["clearance_id"] = format_id(Prefix.CLEARANCE, row["clearance_id"])
    return shown


def _plain(value: object) -> object:
    shown: object = value
    match value:
        case datetime():
            shown = show_instant(value)
        case date():
            shown = value.isoformat()
        case Enum():
            shown = value.value
        case UUID():
            shown = str(value)
        case bytes():
            shown = value.hex()
        case _:
            pass
    return shown


def any_of(order_ids: Sequence[UUID]) -> Any:
    """Write orders as one parameter, however many they are."""
    return any_(literal(list(order_ids), UUIDS))


def among(order_ids: Sequence[UUID]) -> Any:
    """Pick these orders."""
    return orders.c.id == any_of(order_ids)
