"""Read in one statement what decides whether a request is taken, and how."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists

from unbind_broker.base.database import Db
from unbind_broker.carriers.standing import STANDING, Standing
from unbind_broker.carriers.tables import carriers
from unbind_broker.holdings.tables import holdings
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.subjects import Subject
from unbind_broker.orders.idempotency import (
    ANSWER,
    Repeatable,
    StoredAnswer,
    read_answer,
)
from unbind_broker.orders.tables import idempotency, orders


@dataclass(frozen=True)
class Situation:
    """What is known when a request is judged; the caller holds its number's lock.

    ``answer`` is the one that this request got before. About most numbers nothing is
    known, neither of a holder (``was_held``) nor of an order (``was_asked``): then
    there is nothing to look up.
    """

    subject: Subject
    standing: Standing
    was_held: bool
    was_asked: bool
    answer: StoredAnswer | None


async def read_situation(
    db: Db, subject: Subject, carrier: AskingCarrier, request: Repeatable | None
) -> Situation:
    """Read it, once the locks are held; raises ``IdempotencyKeyReused``."""
    values = {
        "carrier": carrier.id,
        "number": subject.number_index,
        "digest": request and request.key,
    }
    was_held, was_asked, *rest = (await db.execute(_SITUATION, values)).one()
    stored = rest[: len(ANSWER)]
    return Situation(
        subject,
        Standing(*rest[len(ANSWER) :]),
        was_held,
        was_asked,
        None if request is None else read_answer(request, stored),
    )


# Made once: every query and order needs it.
_SITUATION = (
    STANDING.with_only_columns(
        exists().where(holdings.c.number_index == bindparam("number")),
        exists().where(orders.c.number_index == bindparam("number")),
        *ANSWER,
        *STANDING.selected_columns,
    )
    .select_from(carriers)
    .outerjoin(
        idempotency,
        and_(
            idempotency.c.carrier_id == carriers.c.id,
            idempotency.c.key == bindparam("digest"),
        ),
    )
)
