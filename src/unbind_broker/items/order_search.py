# ruff: noqa: S608 - only enum codes, columns and conditions are put into statements
"""Administrators find orders, whosever they are (a read model)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.types import TypeEngine

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import BYTES, INSTANT, INT, TEXT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.sealing import Sealer
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus
from unbind_broker.orders.states import OPEN, HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.views import show_number, show_order_id

MOST_LOOKED_AT = 5_000
"""Among so many orders one call looks for those that are wanted, where no index leads
to them: there may be none in a hundred million."""
MOST_OF_NUMBER = 200
"""So many of the newest orders about one number are found."""
_LAST_ID = UUID(int=(1 << 128) - 1)


class Standing(StrEnum):
    """Where the orders stand that a list holds."""

    HELD = "held"
    IN_PROGRESS = "in_progress"
    OVERDUE = "overdue"  # open, and the deadline has passed
    UNANSWERED = "unanswered"  # over without the result of some platform
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class WantedOrders:
    """Which orders; what is None does not matter. ``carrier`` is a slug."""

    carrier: str | None = None
    reference: str | None = None
    standing: Standing | None = None


@dataclass(frozen=True, kw_only=True)
class FoundOrder:
    """One order in a list; ``missed`` counts items that ended without a result."""

    id: UUID
    name: str
    kind: OrderKind
    status: OrderStatus
    held_for: HoldReason | None
    carrier: str
    number: str
    reference: str | None
    created_at: datetime
    deadline: datetime
    items: int
    open: int
    missed: int


@dataclass(frozen=True)
class FoundPage:
    """Orders, newest first; ``behind`` is where to look on, None at the end.

    A page may be short, or empty, and have a next one all the same. ``is_cut`` says
    that only the most urgent are among the pages: those that are overdue for longest,
    or were to be released first.
    """

    orders: list[FoundOrder]
    behind: UUID | None
    is_cut: bool = False


async def find_orders(
    db: Db,
    now: datetime,
    wanted: WantedOrders,
    page: tuple[UUID | None, int],
    sealer: Sealer,
    most: int = MOST_LOOKED_AT,
) -> FoundPage:
    """Read orders of all carriers, newest first.

    ``page`` is the id behind which the page starts and how many orders it holds. Where
    no index leads to them, they are looked for among ``most``.
    """
    behind, limit = page
    values = {
        "before": behind or _LAST_ID,
        "now": now,
        "carrier": wanted.carrier,
        "reference": wanted.reference,
        "most": most,
        "limit": limit + 1,
    }
    source = _source_of(wanted)
    is_cut = source in _URGENT and await _are_too_many(db, source, values)
    if is_cut and wanted.carrier is not None:
        source, is_cut = "carrier", False
    rows = await fetch_all(db, listing(wanted, source), values)
    found = [_found(row, sealer) for row in rows[:limit]]
    if len(rows) > limit:
        return FoundPage(found, found[-1].id, is_cut)
    if wanted.standing is None or source not in _CUT:
        return FoundPage(found, None, is_cut)
    last = await fetch_all(db, _last_of(source), values)
    return FoundPage(found, last[0].id if last else None)


async def find_orders_of_number(
    db: Db, now: datetime, number_index: bytes, sealer: Sealer, actor: str
) -> list[FoundOrder]:
    """Read the newest orders about one number, of all carriers; that is audited."""
    values = {"number": number_index, "limit": MOST_OF_NUMBER}
    found = [_found(row, sealer) for row in await fetch_all(db, OF_NUMBER, values)]
    facts = {"found": len(found)}
    fact = Fact(actor, "orders.searched", number_index=number_index, facts=facts)
    await record(db, now, fact)
    return found


def listing(wanted: WantedOrders, source: str | None = None) -> TextClause:
    """Write the statement that reads a page of these orders.

    ``source`` is what leads to them, by default the narrowest index.
    """
    conditions = ["true"]
    if wanted.standing is not None:
        conditions.append(_STANDINGS[wanted.standing])
    if wanted.carrier is not None:
        conditions.append(f"o.carrier_id = {_CARRIER}")
    rows = _SOURCES[source or _source_of(wanted)]
    return _typed(_listed(rows, " AND ".join(conditions)))


def _source_of(wanted: WantedOrders) -> str:
    """Choose what leads to the orders: the narrowest index comes first."""
    if wanted.reference is not None:
        return "reference"
    if wanted.standing is not None and wanted.standing.value in _URGENT:
        return wanted.standing.value
    return "all" if wanted.carrier is None else "carrier"


async def _are_too_many(db: Db, source: str, values: dict[str, Any]) -> bool:
    """Tell whether there are as many of the most urgent as one call looks at."""
    counted = _typed(f"SELECT count(*) AS n FROM ({_URGENT[source]}) u")
    return bool((await fetch_all(db, counted, values))[0].n >= values["most"])


def _last_of(source: str) -> TextClause:
    """Name the last order looked at, where as many were looked at as may be."""
    return _typed(
        f"SELECT id FROM ({_SOURCES[source]}) o ORDER BY id DESC OFFSET :most - 1"
    )


def _listed(source: str, condition: str) -> str:
    """Count the items of those orders alone that are shown."""
    return f"""
    SELECT f.*, n.items, n.open, n.missed,
        (SELECT slug FROM carriers WHERE id = f.carrier_id) AS carrier
    FROM (
        SELECT {_COLUMNS} FROM ({source}) o
        WHERE {condition}
        ORDER BY o.id DESC
        LIMIT :limit
    ) f
    CROSS JOIN LATERAL (
        SELECT count(*) AS items,
            count(*) FILTER (WHERE status < {FIRST_FINAL_CODE}) AS open,
            count(*) FILTER (WHERE status IN ({_MISSED})) AS missed
        FROM items WHERE order_id = f.id
    ) n
    ORDER BY f.id DESC"""


def _typed(statement: str) -> TextClause:
    used = {name: kind for name, kind in _TYPES.items() if f":{name}" in statement}
    return sql(statement, **used)


def _found(row: Any, sealer: Sealer) -> FoundOrder:
    shown = SimpleNamespace(
        id=row.id,
        kind=OrderKind.from_code(row.kind),
        number_sealed=row.number_sealed,
    )
    return FoundOrder(
        id=row.id,
        name=show_order_id(shown.kind, row.id),
        kind=shown.kind,
        status=OrderStatus.from_code(row.status),
        held_for=None if row.held_for is None else HoldReason.from_code(row.held_for),
        carrier=row.carrier,
        number=show_number(shown, sealer),
        reference=row.reference,
        created_at=row.created_at,
        deadline=row.deadline,
        items=row.items,
        open=row.open,
        missed=row.missed,
    )


_TYPES: dict[str, TypeEngine[Any]] = {
    "before": UUID_TYPE,
    "now": INSTANT,
    "carrier": TEXT,
    "reference": TEXT,
    "most": INT,
    "limit": INT,
}
_COLUMNS = """o.id, o.kind, o.status, o.held_for, o.carrier_id, o.number_sealed,
            o.reference, o.created_at, o.deadline"""
_MISSED = codes_of({ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE})
_OPEN = codes_of(OPEN)
_CARRIER = "(SELECT id FROM carriers WHERE slug = :carrier)"
_CUT = frozenset({"all", "carrier"})
"""Sources that give so many of their orders only."""
# The indexes of open orders are led by these instants: no other order is as cheap.
_URGENT = {
    "held": f"""SELECT * FROM orders
            WHERE status = {OrderStatus.HELD.code}
            ORDER BY held_until LIMIT :most""",
    "overdue": f"""SELECT * FROM orders
            WHERE status IN ({_OPEN}) AND deadline <= :now
            ORDER BY deadline LIMIT :most""",
}
_SOURCES = {
    "all": "SELECT * FROM orders WHERE id < :before ORDER BY id DESC LIMIT :most",
    "carrier": f"""SELECT * FROM orders
            WHERE carrier_id = {_CARRIER} AND id < :before
            ORDER BY id DESC LIMIT :most""",
    # Carriers are few, and each has an index of its references.
    "reference": """SELECT r.* FROM carriers c CROSS JOIN LATERAL (
                SELECT * FROM orders
                WHERE carrier_id = c.id AND reference = :reference AND id < :before
                ORDER BY id DESC LIMIT :limit
            ) r""",
    **{
        name: f"SELECT * FROM ({rows}) u WHERE id < :before"
        for name, rows in _URGENT.items()
    },
}
_STANDINGS = {
    Standing.HELD: f"o.status = {OrderStatus.HELD.code}",
    Standing.IN_PROGRESS: f"o.status = {OrderStatus.IN_PROGRESS.code}",
    Standing.OVERDUE: f"o.status IN ({_OPEN}) AND o.deadline <= :now",
    Standing.UNANSWERED: f"""EXISTS (
            SELECT FROM items i
            WHERE i.order_id = o.id AND i.status IN ({_MISSED})
        )""",
    Standing.COMPLETED: f"o.status = {OrderStatus.COMPLETED.code}",
    Standing.CANCELLED: f"o.status = {OrderStatus.CANCELLED.code}",
}
OF_NUMBER = sql(
    _listed("SELECT * FROM orders WHERE number_index = :number OFFSET 0", "true"),
    number=BYTES,
    limit=INT,
)
