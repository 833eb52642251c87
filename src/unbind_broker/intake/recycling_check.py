"""Tell a platform whether a number passed to somebody else; each answer is kept."""

from dataclasses import dataclass
from datetime import date, datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.carriers.twins import list_twins
from unbind_broker.holdings.recycled import was_recycled
from unbind_broker.holdings.service import read_history


@dataclass(frozen=True)
class RecyclingCheck:
    """A number, by its blind index, and the day that a platform asks about."""

    number_index: bytes
    on: date


async def check(
    db: Db, now: datetime, asked: RecyclingCheck, actor: str
) -> bool | None:
    """Tell whether the number's holder of that day holds it no more; None: unknown.

    ``asked.on`` does not lie in the future.
    """
    recycled = was_recycled(await read_history(db, asked.number_index), asked.on)
    await record(db, now, _checked(asked.on, recycled, actor, asked.number_index))
    return recycled


@dataclass(frozen=True)
class Rehearsed:
    """A number that carriers rehearse with, and the day that is asked about."""

    number: PhoneNumber
    on: date


async def check_rehearsed(
    db: Db, now: datetime, asked: Rehearsed, index: BlindIndex, actor: str
) -> bool | None:
    """Tell a test endpoint whether the number passed on in any carrier's rehearsal."""
    told: set[bool | None] = set()
    for twin in await list_twins(db):
        filed = index.rehearsed_by(twin).index(asked.number)
        told.add(was_recycled(await read_history(db, filed), asked.on))
    recycled = True if True in told else False if False in told else None
    await record(db, now, _checked(asked.on, recycled, actor, None))
    return recycled


def _checked(
    on: date, recycled: object, actor: str, number_index: bytes | None
) -> Fact:
    facts = {"specified_date": on.isoformat(), "recycled": recycled}
    return Fact(actor, "number.checked", number_index=number_index, facts=facts)
