"""Keep carriers from finding out number by number what others hold.

That somebody else holds a number must be said where it is asked to be cleared, ordered
for or taken over. So what is said is counted and kept, and too many a day end uploads.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.holdings.refusals import OwnershipSuperseded
from unbind_broker.holdings.refused import count, refused_on
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.rules import Policy


@dataclass(frozen=True)
class RefusalBound:
    """How many refusals a day are usual for a carrier; days are those of ``zone``."""

    most: int
    zone: ZoneInfo


def refusals_of(policy: Policy) -> RefusalBound:
    """Give the setting that refusals are counted by."""
    return RefusalBound(policy.refusals_per_day, policy.zone)


class TooManyRefusals(BrokerError):
    """A carrier asked about too many numbers of others today."""

    code: ClassVar[str] = "too-many-refusals"
    title: ClassVar[str] = "Too many numbers of others today"

    def __init__(self, most: int, wait: timedelta) -> None:
        super().__init__(
            f"more than {most} of your lines and requests of today were refused "
            "because somebody else holds the number"
        )
        self.headers = {"Retry-After": str(max(1, int(wait.total_seconds())))}


async def note_refused(
    db: Db, now: datetime, carrier: AskingCarrier, many: int, bound: RefusalBound
) -> None:
    """Count what was refused; that a day became unusual is told once.

    Call it last: other calls of the carrier wait for the end of this transaction.
    """
    if not many:
        return
    today = now.astimezone(bound.zone).date()
    total = await count(db, carrier.id, today, many)
    if total - many <= bound.most < total:
        facts = {"day": today.isoformat(), "refused": total, "usual": bound.most}
        await record(db, now, Fact(carrier.actor, "carrier.probing", facts=facts))


async def note_superseded(
    db: Db,
    now: datetime,
    carrier: AskingCarrier,
    refusal: OwnershipSuperseded,
    bound: RefusalBound,
) -> None:
    """Keep that a query or an order was refused: a carrier was told of a later holder.

    In a transaction of its own, because that of the order does not commit.
    """
    facts = {"code": refusal.code}
    index = refusal.number_index
    await record(
        db, now, Fact(carrier.actor, "order.refused", number_index=index, facts=facts)
    )
    await note_refused(db, now, carrier, 1, bound)


async def require_usual(
    db: Db, now: datetime, carrier: AskingCarrier, bound: RefusalBound
) -> None:
    """Raise ``TooManyRefusals`` where a carrier's day is unusual."""
    today = now.astimezone(bound.zone).date()
    refused = await refused_on(db, today)
    if refused.get(carrier.id, 0) > bound.most:
        tomorrow = datetime.combine(today + timedelta(days=1), time.min, bound.zone)
        raise TooManyRefusals(bound.most, tomorrow - now)
