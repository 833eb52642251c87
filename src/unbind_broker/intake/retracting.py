"""Take back a holding that was told by mistake, and what was asked for by it."""

from dataclasses import dataclass
from datetime import date, datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.holdings import service
from unbind_broker.holdings.holding import Holding
from unbind_broker.holdings.service import ListedHolding, list_holdings
from unbind_broker.intake.ownership import slugs_of
from unbind_broker.items.states import Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.orders.service import lock_number, open_orders


@dataclass(frozen=True)
class WrongHolding:
    """Which holding is taken back; ``carrier`` is the slug of who told it."""

    number_index: bytes
    carrier_id: CarrierId
    carrier: str
    owner_since: date | None


@dataclass(frozen=True)
class Undone:
    """What taking a holding back changed."""

    orders_ended: int
    live_again: bool
    holdings: list[ListedHolding]


async def retract(
    db: Db, now: datetime, wrong: WrongHolding, actor: str, reason: str
) -> Undone | None:
    """Take a holding back, end what rests on it; None if there is no such one.

    The holding that it had superseded lives again; what was ended then stays ended.
    """
    await lock_number(db, wrong.number_index)
    taken_back = await service.retract(
        db, now, wrong.number_index, wrong.carrier_id, wrong.owner_since
    )
    if taken_back is None:
        return None
    resting = await orders_on(db, wrong)
    ended = await call_back(db, now, resting, Reason.SUPERSEDED, actor)
    facts = {
        "carrier": wrong.carrier,
        "owner_since": _shown(wrong.owner_since),
        "reason": reason,
        "rows": taken_back.rows,
        "orders_ended": len(ended),
        "live_again": await _named(db, taken_back.again),
    }
    fact = Fact(actor, "holding.retracted", None, wrong.number_index, facts)
    await record(db, now, fact)
    again = taken_back.again is not None
    return Undone(len(ended), again, await list_holdings(db, wrong.number_index))


async def orders_on(db: Db, wrong: WrongHolding) -> list[OrderId]:
    """Find the open queries and orders that rest on a holding."""
    return [
        one.id
        for one in await open_orders(db, [wrong.number_index])
        if (one.carrier_id, one.owner_since) == (wrong.carrier_id, wrong.owner_since)
    ]


async def search(
    db: Db, now: datetime, number_index: bytes, actor: str
) -> list[ListedHolding]:
    """Tell who is known to have held a number; that is a disclosure."""
    found = await list_holdings(db, number_index)
    facts = {"rows": len(found)}
    await record(db, now, Fact(actor, "holdings.disclosed", None, number_index, facts))
    return found


async def _named(db: Db, again: Holding | None) -> dict[str, object] | None:
    if again is None:
        return None
    slugs = await slugs_of(db, [again.carrier_id])
    return {
        "carrier": slugs[again.carrier_id],
        "owner_since": _shown(again.since),
    }


def _shown(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
