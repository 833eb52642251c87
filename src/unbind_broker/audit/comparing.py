"""Compare the events of one sealed range with what the seal holds of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from uuid import UUID

from unbind_broker.audit import store
from unbind_broker.audit.faults import Fault, FaultKind
from unbind_broker.audit.hashing import (
    Event,
    GrowingTree,
    canonical_event,
    leaf_hash,
)
from unbind_broker.audit.seals import Leaf, Seal
from unbind_broker.base.database import Db

MOST_NAMED = 1000
"""So many added events of one range are named, the others counted: a stranger may have
added any number."""

_SHOWN = 1000
_AT_ONCE = 1000


@dataclass
class Compared:
    """What was found in one range; memory grows with the seal, not with the range."""

    seal: Seal
    leaves: Sequence[Leaf]
    tree: GrowingTree = field(default_factory=GrowingTree)
    order: list[int] = field(default_factory=list)
    changed: list[tuple[int, str]] = field(default_factory=list)
    missing: dict[UUID, int] = field(default_factory=dict)
    named: list[UUID] = field(default_factory=list)
    added: int = 0


async def compare(
    seal: Seal,
    leaves: Sequence[Leaf],
    events: AsyncIterator[Event],
    known_elsewhere: set[UUID],
    *,
    after_gap: bool,
) -> Compared:
    """Look at every event of a range.

    ``known_elsewhere`` are events already reported as moved. Behind a missing seal
    nobody can tell where its range ended, so what stands before the first event that
    this seal holds counts as the missing one's.
    """
    compared = Compared(seal, leaves)
    compared.missing = {leaf.id: place for place, leaf in enumerate(leaves)}
    async for event in events:
        content = canonical_event(event)
        hashed = leaf_hash(content)
        compared.tree.add(hashed)
        place = compared.missing.pop(event.id, None)
        if place is not None:
            if hashed != leaves[place].hash:
                shown = content[:_SHOWN].decode(errors="replace")
                compared.changed.append((len(compared.order), shown))
            compared.order.append(place)
        elif event.id not in known_elsewhere and (compared.order or not after_gap):
            compared.added += 1
            if len(compared.named) < MOST_NAMED:
                compared.named.append(event.id)
    return compared


async def name_faults(db: Db, compared: Compared) -> AsyncIterator[Fault]:
    """Name what is wrong with the events of a range."""
    for fault in (*_changed(compared), *_added(compared)):
        yield fault
    missing = iter(compared.missing)
    while chunk := list(islice(missing, _AT_ONCE)):
        found = await store.load_positions(db, chunk)
        for event_id in chunk:
            place = found.get(event_id)
            yield (
                _fault(compared, FaultKind.EVENT_MISSING, event_id, "it is gone")
                if place is None
                else _fault(
                    compared,
                    FaultKind.EVENT_REORDERED,
                    event_id,
                    f"it stands outside the seal's range, at transaction {place.xid}",
                )
            )


def _changed(compared: Compared) -> list[Fault]:
    """Tell events that left their place among the others from merely changed ones."""
    if not compared.changed:
        return []
    order = compared.order
    highest = list(accumulate(order, max))
    lowest = list(accumulate(reversed(order), min))[::-1]
    faults = []
    for place, content in compared.changed:
        stays = highest[place] == order[place] == lowest[place]
        kind = FaultKind.EVENT_CHANGED if stays else FaultKind.EVENT_REORDERED
        event_id = compared.leaves[order[place]].id
        faults.append(_fault(compared, kind, event_id, f"now it reads {content}"))
    return faults


def _added(compared: Compared) -> list[Fault]:
    kind, seal = FaultKind.EVENT_ADDED, compared.seal.number
    detail = f"it stands in the range of seal {seal}, which does not hold it"
    faults = [Fault(kind, seal, detail, event_id) for event_id in compared.named]
    if more := compared.added - len(compared.named):
        faults.append(Fault(kind, seal, f"{more} more stand there"))
    return faults


def _fault(compared: Compared, kind: FaultKind, event_id: UUID, detail: str) -> Fault:
    number = compared.seal.number
    return Fault(kind, number, f"seal {number} holds it; {detail}", event_id)
