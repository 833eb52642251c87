"""Events of the trail as pages show them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.hashing import event_members
from unbind_broker.audit.reading import ReadEvent
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id


@dataclass(frozen=True)
class EventRow:
    """One event; ``subject`` names its number blindly, ``seal`` is its seal's."""

    id: str
    at: datetime
    actor: str
    action: str
    order: str
    subject: str
    facts: Sequence[tuple[str, str]]
    seal: int | None


def rows_of(
    found: Sequence[ReadEvent], kinds: Mapping[UUID, OrderKind]
) -> list[EventRow]:
    """Show events; ``kinds`` are those of the orders that are still there."""
    return [_row(one, kinds) for one in found]


def facts_of(facts: object) -> list[tuple[str, str]]:
    """Show facts as names and texts; what is no object has no name."""
    if not isinstance(facts, Mapping):
        return [("", _text(facts))]
    return [(str(name), _text(value)) for name, value in facts.items()]


def _row(read: ReadEvent, kinds: Mapping[UUID, OrderKind]) -> EventRow:
    event = read.event
    order = ""
    if event.order_id is not None:
        kind = kinds.get(event.order_id, OrderKind.UNBIND)
        order = show_order_id(kind, event.order_id)
    return EventRow(
        id=format_id(Prefix.EVENT, event.id),
        at=datetime.fromisoformat(str(event_members(event)["at"])),
        actor=event.actor,
        action=event.action,
        order=order,
        subject="" if event.number_index is None else event.number_index.hex(),
        facts=facts_of(event_members(event)["facts"]),
        seal=read.seal,
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
