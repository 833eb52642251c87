"""Tell a platform whether a number passed to somebody else; each answer is kept."""

from dataclasses import dataclass
from datetime import date, datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
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
    facts = {"specified_date": asked.on.isoformat(), "recycled": recycled}
    told = Fact(actor, "number.checked", number_index=asked.number_index, facts=facts)
    await record(db, now, told)
    return recycled
