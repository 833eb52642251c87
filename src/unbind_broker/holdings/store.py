"""Rows of holdings; retracted ones count for nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import any_, bindparam, insert, literal, select, update

from unbind_broker.base.database import BYTESES, Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.tables import carriers
from unbind_broker.holdings.holding import History, Holding
from unbind_broker.holdings.tables import holdings

_COLUMNS = (
    "id",
    "carrier_id",
    "since",
    "from_on",
    "until",
    "began",
    "ended",
    "order_id",
    "confirmed_at",
    "recorded_at",
)
_READ = [holdings.c[name] for name in _COLUMNS]
_CHANGING = ("since", "from_on", "until", "began", "ended", "confirmed_at")


async def load(db: Db, number_index: bytes) -> History:
    """Read what counts about one number."""
    found = await db.execute(_LOAD, {"number": number_index})
    return tuple(Holding(**row) for row in found.mappings())


async def load_many(db: Db, number_indexes: Collection[bytes]) -> dict[bytes, History]:
    """Read what counts about several numbers; nothing is known about the others."""
    found = await db.execute(
        select(holdings.c.number_index, *_READ)
        .where(
            holdings.c.number_index == any_(literal(list(number_indexes), BYTESES)),
            holdings.c.retracted_at.is_(None),
        )
        .order_by(holdings.c.id)
    )
    histories: defaultdict[bytes, History] = defaultdict(tuple)
    for row in found.mappings():
        values = dict(row)
        index = values.pop("number_index")
        histories[index] += (Holding(**values),)
    return dict(histories)


async def save(db: Db, changes: Mapping[bytes, tuple[History, History]]) -> None:
    """Write down what differs between each number's history before and after."""
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for index, (before, after) in changes.items():
        known = {one.id: one for one in before}
        for one in after:
            if one.id is None:
                new.append({**vars(one), "number_index": index})
                new[-1].pop("id")
            elif one != known[one.id]:
                values = {name: getattr(one, name) for name in _CHANGING}
                changed.append({**values, "row": one.id})
    # Ended before begun, in case a reader takes the rows one by one.
    if changed:
        await db.execute(_CHANGE, changed)
    if new:
        # A list of one would be sent as a batch, which costs twice as much.
        await db.execute(_ADD, new if len(new) > 1 else new[0])


async def mark_retracted(
    db: Db,
    now: datetime,
    number_index: bytes,
    carrier_id: CarrierId,
    since: date | None,
) -> int:
    """Let what a carrier told of a holder count for nothing; returns how many rows."""
    done = await db.execute(
        update(holdings)
        .where(
            holdings.c.number_index == number_index,
            holdings.c.carrier_id == carrier_id,
            holdings.c.since.is_not_distinct_from(since),
            holdings.c.retracted_at.is_(None),
        )
        .values(retracted_at=now)
    )
    return done.rowcount


async def load_all(db: Db, number_index: bytes) -> list[Any]:
    """Read every row about a number, retracted ones too, with its carrier's slug."""
    found = await db.execute(
        select(*_READ, holdings.c.retracted_at, carriers.c.slug)
        .join(carriers, carriers.c.id == holdings.c.carrier_id)
        .where(holdings.c.number_index == number_index)
        .order_by(holdings.c.id)
    )
    return list(found)


# Made once: every query and order needs it.
_LOAD = (
    select(*_READ)
    .where(
        holdings.c.number_index == bindparam("number"),
        holdings.c.retracted_at.is_(None),
    )
    .order_by(holdings.c.id)
)
_ADD = insert(holdings).inline()
_CHANGE = (
    update(holdings)
    .where(holdings.c.id == bindparam("row"))
    .values({name: bindparam(name) for name in _CHANGING})
)
