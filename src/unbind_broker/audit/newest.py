"""Check the newest end of the trail: a bounded part of it, for whoever waits."""

from dataclasses import dataclass

from unbind_broker.audit import store
from unbind_broker.audit.faults import Fault
from unbind_broker.audit.seals import Seal
from unbind_broker.audit.verifying import Anchors, Summary, Verifier
from unbind_broker.base.database import Db

MOST_SEALS = 1_000
MOST_EVENTS = 20_000
MOST_NAMED = 20


@dataclass(frozen=True)
class Checked:
    """What was found behind ``behind``, which is believed; None: from the start.

    ``faults`` are the first ones; ``summary`` counts them all.
    """

    behind: int | None
    summary: Summary
    faults: tuple[Fault, ...]


async def check_newest(
    db: Db,
    anchors: Anchors,
    most_seals: int = MOST_SEALS,
    most_events: int = MOST_EVENTS,
) -> Checked:
    """Check the newest seals, one at least, with their events."""
    behind = await _begin(db, most_seals, most_events)
    verifier = Verifier(db, anchors, behind)
    named: list[Fault] = []
    async for fault in verifier.faults():
        if len(named) < MOST_NAMED:
            named.append(fault)
    number = None if behind is None else behind.number
    return Checked(number, verifier.summary, tuple(named))


async def _begin(db: Db, most_seals: int, most_events: int) -> Seal | None:
    events = 0
    for place, seal in enumerate(
        await store.load_seals_before(db, None, most_seals + 1)
    ):
        events += seal.events
        if place == most_seals or (place and events > most_events):
            return seal
    return None
