"""Hand out the sealed trail line by line, for whoever wants to check it elsewhere."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from unbind_broker.audit import store
from unbind_broker.audit.hashing import Event, canonical_event, canonical_json
from unbind_broker.audit.kept_seals import show_seal
from unbind_broker.audit.seals import START, Position, Seal
from unbind_broker.base.database import Db

_EVENTS = 1_000
_SEALS = 100


@dataclass(frozen=True)
class Place:
    """How far an export has come: behind which seal, behind which event."""

    seal: int
    event: Position


async def place_behind(db: Db, number: int) -> Place:
    """Give the place behind a seal, or behind the nearest one before it."""
    nearest = await store.load_seals_before(db, number + 1, 1)
    return Place(number, nearest[0].last if nearest else START)


async def next_lines(
    db: Db, place: Place, last: int, keys: Mapping[str, bytes]
) -> tuple[list[bytes], Place | None]:
    """Give some lines, and the place to go on from; None behind seal ``last``.

    Each seal comes behind its events.
    """
    seals = await store.load_seals_after(db, place.seal, _SEALS)
    seals = [seal for seal in seals if seal.number <= last]
    if not seals:
        return [], None
    page = await store.load_events(db, place.event, seals[-1].last, _EVENTS)
    events, more = deque(page), len(page) == _EVENTS
    lines: list[bytes] = []
    for seal in seals:
        while events and Position(events[0].xid, events[0].id) <= seal.last:
            event = events.popleft()
            lines.append(_event_line(event, seal))
            place = Place(place.seal, Position(event.xid, event.id))
        if more and not events:
            break
        lines.append(_seal_line(seal, keys))
        place = Place(seal.number, seal.last)
    return lines, place


def _event_line(event: Event, seal: Seal) -> bytes:
    """Write the canonical bytes as they are, so that a reader need not make them."""
    head = f'{{"type":"event","seal":{seal.number},"event":'.encode()
    return head + canonical_event(event) + b"}\n"


def _seal_line(seal: Seal, keys: Mapping[str, bytes]) -> bytes:
    return canonical_json({"type": "seal", "seal": show_seal(seal, keys)}) + b"\n"
