"""The ledger of who held a number; the caller holds the number's lock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings import rules, store
from unbind_broker.holdings.events import Heard, Judgement, Told, hear
from unbind_broker.holdings.holding import History, Holding, Limits
from unbind_broker.holdings.refusals import OwnershipSuperseded
from unbind_broker.holdings.retracting import without
from unbind_broker.holdings.rules import Claim, Dispute
from unbind_broker.holdings.states import Began, Ended

__all__ = [
    "Claim",
    "Claimed",
    "Limits",
    "OwnershipSuperseded",
    "claim",
    "is_superseded",
    "list_holdings",
    "read_history",
    "retract",
    "take",
]


@dataclass(frozen=True)
class Claimed:
    """What a claim changed.

    ``is_new`` says that a stretch was written down, ``superseded`` which holding it
    ended, ``dispute`` whether the two are at odds, ``began_dispute`` that nobody has
    claimed the newer one before; ``may_end_orders`` is false where no older holder was
    ever known.
    """

    is_new: bool
    superseded: Holding | None
    dispute: Dispute | None
    began_dispute: bool
    may_end_orders: bool


@dataclass(frozen=True)
class Retracted:
    """What taking a holding back changed; ``again`` is the one that lives again."""

    rows: int
    again: Holding | None


@dataclass(frozen=True, kw_only=True)
class ListedHolding:
    """One row of the ledger, as administrators see it."""

    carrier: str
    since: date | None
    from_on: date | None
    until: date | None
    began: Began
    ended: Ended | None
    confirmed_at: datetime
    recorded_at: datetime
    retracted_at: datetime | None


async def claim(
    db: Db, now: datetime, wanted: Claim, limits: Limits, *, was_held: bool
) -> Claimed:
    """Enter a holder whom a query or an order attests.

    ``was_held`` is false where the ledger is known to hold nothing of the number.
    Raises ``OwnershipSuperseded`` where a later one is known, ``SinceIsKnownPort``
    where the carrier itself told that the day is a port's.
    """
    history = await store.load(db, wanted.number_index) if was_held else ()
    verdict = rules.judge(history, wanted, now, limits)
    await store.save(db, {wanted.number_index: (history, verdict.history)})
    return Claimed(
        is_new=len(verdict.history) > len(history),
        superseded=verdict.superseded,
        dispute=verdict.dispute,
        began_dispute=verdict.dispute is not None
        and not any(one.since == wanted.since and one.was_claimed for one in history),
        may_end_orders=any(one.holder_from < wanted.since for one in history),
    )


async def take(
    db: Db, now: datetime, lines: Sequence[tuple[bytes, Told]], limits: Limits
) -> list[Judgement]:
    """Judge what a carrier tells, line by line, and write down what is new."""
    before = await store.load_many(db, {index for index, _ in lines})
    after = dict(before)
    judgements = []
    for index, told in lines:
        judgement = hear(after.get(index, ()), told, now, limits)
        if isinstance(judgement, Heard):
            after[index] = judgement.history
        judgements.append(judgement)
    changes = {index: (before.get(index, ()), after[index]) for index in after}
    await store.save(db, changes)
    return judgements


async def retract(
    db: Db,
    now: datetime,
    number_index: bytes,
    carrier_id: CarrierId,
    since: date | None,
) -> Retracted | None:
    """Take back what a carrier told of a holder; None if it told nothing.

    The holding that it had superseded lives again.
    """
    history = await store.load(db, number_index)
    rows = await store.mark_retracted(db, now, number_index, carrier_id, since)
    if not rows:
        return None
    left, again = without(history, carrier_id, since)
    await store.save(db, {number_index: (history, left)})
    return Retracted(rows, again)


async def read_history(db: Db, number_index: bytes) -> History:
    """Read what counts about a number."""
    return await store.load(db, number_index)


async def is_superseded(db: Db, number_index: bytes, since: date) -> bool:
    """Tell whether a later holder of the number is known."""
    history = await store.load(db, number_index)
    return rules.later_holder_known(history, since)


class Holder(NamedTuple):
    """A holder as a carrier attested it."""

    number_index: bytes
    carrier_id: CarrierId
    since: date


@dataclass(frozen=True)
class Standing:
    """How a holder stands; ``superseded`` is one whose holding was taken back, too."""

    superseded: bool
    gave_up: bool


async def standings(db: Db, holders: Collection[Holder]) -> dict[Holder, Standing]:
    """Tell of each holder whether it still holds the number, as far as is known."""
    histories = await store.load_many(db, {one.number_index for one in holders})
    return {one: _standing(one, histories.get(one.number_index, ())) for one in holders}


def _standing(holder: Holder, history: History) -> Standing:
    own = {(one.carrier_id, one.since) for one in history}
    taken_back = (holder.carrier_id, holder.since) not in own
    return Standing(
        superseded=taken_back or rules.later_holder_known(history, holder.since),
        gave_up=rules.gave_up(history, holder.since),
    )


async def list_holdings(db: Db, number_index: bytes) -> list[ListedHolding]:
    """Read every row about a number, in the order in which they became known."""
    return [
        ListedHolding(
            carrier=row.slug,
            since=row.since,
            from_on=row.from_on,
            until=row.until,
            began=row.began,
            ended=row.ended,
            confirmed_at=row.confirmed_at,
            recorded_at=row.recorded_at,
            retracted_at=row.retracted_at,
        )
        for row in await store.load_all(db, number_index)
    ]
