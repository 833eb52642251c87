"""Everything that is kept about one number: told or destroyed because somebody asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    Text,
    any_,
    cast,
    delete,
    exists,
    literal,
    select,
    update,
)

from unbind_broker.audit.tables import audit_events
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import UUIDS, Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber, digits_in
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.callbacks.tables import evidence, violations
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.forgetting import (
    clearances_of,
    forget_number,
    is_being_cleared,
    lock_clearances_of,
)
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.tables import items
from unbind_broker.notices.tables import notices
from unbind_broker.orders.destroying import destroy
from unbind_broker.orders.kinds import kinds_of
from unbind_broker.orders.service import lock_number
from unbind_broker.orders.states import OPEN, OrderKind
from unbind_broker.orders.tables import orders, receipts
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.tables import platforms

_NATIONAL_DIGITS = 11
_NAME_ORDERS = frozenset({"order_id", "query_id", "restores", "restore_id", "follows"})
_SECRET = frozenset(
    {"number_index", "number_sealed", "attestation_sealed", "carrier_id"}
)
_EVENTS = frozenset({"notices", "audit_events"})


class OrdersOpen(BrokerError):
    """Orders or clearances of the number are under way."""

    code: ClassVar[str] = "orders-open"
    title: ClassVar[str] = "Orders about this number are still open"


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


@dataclass(frozen=True)
class Forgotten:
    """How much was destroyed."""

    orders: int
    holdings: int
    receipts: int
    notices: int
    reports: int
    clearances: int


async def tell_everything(
    db: Db, now: datetime, number: PhoneNumber, index: BlindIndex, actor: str
) -> Dossier:
    """Read everything that is kept about a number, of all carriers and platforms."""
    number_index = index.index(number)
    order_ids = await _orders_of(db, number_index)
    found = {
        part: (await db.execute(statement)).mappings().all()
        for part, statement in _parts(number_index, order_ids).items()
    }
    kinds = await kinds_of(db, _orders_named(found.values()))
    dossier = Dossier(
        **{
            part: [_shown(part, row, kinds) for row in rows]
            for part, rows in found.items()
        }
    )
    counts = {part: len(rows) for part, rows in vars(dossier).items()}
    fact = Fact(actor, "number.exported", number_index=number_index, facts=counts)
    await record(db, now, fact)
    return dossier


async def forget(
    db: Db,
    now: datetime,
    number: PhoneNumber,
    index: BlindIndex,
    actor: str,
    reason: str,
) -> Forgotten:
    """Destroy everything that is kept about a number, but for the audit trail.

    The trail keeps the keyed digest of the number, which proves that it was handled
    lawfully. Raises ``OrdersOpen`` while orders are under way, and ``ClearanceBusy``;
    then the caller's transaction must not commit.
    """
    number_index = index.index(number)
    await lock_number(db, number_index)
    order_ids = await _orders_of(db, number_index)
    if await db.scalar(select(exists().where(_among(order_ids), _IS_OPEN))):
        raise OrdersOpen("cancel the open orders about this number first, or wait")
    forgotten = Forgotten(
        reports=await _destroy_reports(db, number, order_ids),
        orders=await destroy(db, now, order_ids),
        holdings=await _count(
            db, delete(holdings).where(holdings.c.number_index == number_index)
        ),
        receipts=await _empty_receipts(db, order_ids),
        notices=await _count(
            db, delete(notices).where(notices.c.order_id == _any(order_ids))
        ),
        clearances=await _forget_cleared(db, number_index),
    )
    facts = {**vars(forgotten), "reason": reason}
    fact = Fact(actor, "number.forgotten", number_index=number_index, facts=facts)
    await record(db, now, fact)
    return forgotten


async def _forget_cleared(db: Db, number_index: bytes) -> int:
    """Destroy it in clearances: last, because others lock these after orders, too."""
    await lock_clearances_of(db, number_index)
    if await is_being_cleared(db, number_index):
        raise OrdersOpen("have the number withdrawn from its clearance first, or wait")
    return await forget_number(db, number_index)


async def _empty_receipts(db: Db, order_ids: Sequence[UUID]) -> int:
    of_these = receipts.c.order_id == _any(order_ids)
    emptying = update(receipts).where(of_these, receipts.c.jws != "").values(jws="")
    return await _count(db, emptying)


async def _orders_of(db: Db, number_index: bytes) -> list[UUID]:
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
        "orders": _with_carrier(orders).where(_among(order_ids)).order_by(orders.c.id),
        "items": _with_platform(items, platforms.c.sensitive)
        .where(items.c.order_id == _any(order_ids))
        .order_by(items.c.order_id, platforms.c.slug),
        "violations": _with_platform(violations)
        .where(violations.c.order_id == _any(order_ids))
        .order_by(violations.c.id),
        "receipts": select(receipts)
        .where(receipts.c.order_id == _any(order_ids))
        .order_by(receipts.c.order_id, receipts.c.version),
        "notices": select(
            notices.c.id, notices.c.event, notices.c.order_id, notices.c.at
        )
        .where(notices.c.order_id == _any(order_ids))
        .order_by(notices.c.id),
        "clearances": clearances_of(number_index),
        "audit_events": select(
            *(one for one in audit_events.c if one.name != "number_index")
        )
        .where(
            (audit_events.c.number_index == number_index)
            | (audit_events.c.order_id == _any(order_ids))
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
    part: str, row: RowMapping, kinds: Mapping[UUID, OrderKind]
) -> dict[str, Any]:
    """Write ids as everybody knows them; ``kinds`` are those of orders still there."""
    shown = {name: _plain(value) for name, value in row.items()}
    for name in _NAME_ORDERS & row.keys():
        if row[name] is not None:
            kind = kinds.get(row[name], OrderKind.UNBIND)
            shown[name] = show_order_id(kind, row[name])
    if part == "orders":
        shown["id"] = show_order_id(row["kind"], row["id"])
    elif part in _EVENTS:
        shown["id"] = format_id(Prefix.EVENT, row["id"])
    elif part == "clearances":
        shown["id"] = format_id(Prefix.CLEARANCE, row["id"])
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


async def _destroy_reports(
    db: Db, number: PhoneNumber, order_ids: Sequence[UUID]
) -> int:
    """Destroy signed reports that hold the number, however they write it."""
    named = select(items.c.evidence_id).where(
        items.c.order_id == _any(order_ids), items.c.evidence_id.is_not(None)
    )
    kept = await db.execute(
        select(evidence.c.id, evidence.c.webhook_id, evidence.c.body).where(
            evidence.c.id.in_(named), evidence.c.body.is_not(None)
        )
    )
    digits = number.e164[-_NATIONAL_DIGITS:]
    holding = [
        one.id
        for one in kept
        if digits in digits_in(f"{one.webhook_id} {one.body.decode(errors='replace')}")
    ]
    webhook_id = literal("destroyed-") + cast(evidence.c.id, Text)
    statement = (
        update(evidence)
        .where(evidence.c.id.in_(holding))
        .values(body=None, answer=None, webhook_id=webhook_id)
    )
    return (await db.execute(statement)).rowcount


async def _count(db: Db, statement: Any) -> int:
    count: int = (await db.execute(statement)).rowcount
    return count


def _any(order_ids: Sequence[UUID]) -> Any:
    return any_(literal(list(order_ids), UUIDS))


def _among(order_ids: Sequence[UUID]) -> Any:
    return orders.c.id == _any(order_ids)


_IS_OPEN = orders.c.status.in_(OPEN)
