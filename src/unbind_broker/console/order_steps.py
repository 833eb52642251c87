"""What happened to an order, step by step: by its items, and by the audit trail."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from unbind_broker.audit.hashing import Event
from unbind_broker.base.instants import parse_instant
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import Visit
from unbind_broker.console.words import CATALOGUE
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.whole_order import Part, WholeOrder

_FOLLOWING = {"order.completed", "order.told", "receipt.issued"}
"""What platforms' answers bring about, often within their second."""
_MOST_NAMES = 6
_MOST_FACTS = 200
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class OrderStep:
    """One thing that happened; ``platforms`` are names, ``facts`` a line to read.

    ``place`` orders what is of one second: first what led to platforms' answers, then
    these (1), then what followed from them (2).
    """

    at: datetime
    place: int = 0
    words: str
    tone: str = "neutral"
    platforms: str = ""
    actor: str = ""
    facts: str = ""


def steps_of(
    visit: Visit, order: WholeOrder, events: Iterable[Event]
) -> list[OrderStep]:
    """Put together what is known to have happened, the newest first."""
    steps = [
        *reversed([_event(visit, event) for event in events]),
        *_parts(visit, order.parts),
        *_deadline(visit, order),
    ]
    return sorted(steps, key=lambda step: (_second(step.at), step.place))[::-1]


def _deadline(visit: Visit, order: WholeOrder) -> Iterator[OrderStep]:
    if order.deadline <= visit.now:
        yield OrderStep(
            at=order.deadline, words=visit.say("order.step.deadline"), tone="warn"
        )


def _parts(visit: Visit, parts: Sequence[Part]) -> Iterator[OrderStep]:
    """Tell in one step of all platforms that did the same within one second."""
    same: defaultdict[tuple[datetime, ItemStatus], list[Part]] = defaultdict(list)
    for part in parts:
        if part.acknowledged_at is not None:
            same[_second(part.acknowledged_at), ItemStatus.ACKNOWLEDGED].append(part)
    for part in parts:
        if part.finished_at is not None:
            same[_second(part.finished_at), part.status].append(part)
    statuses = Statuses(visit.language)
    for (at, status), together in same.items():
        yield OrderStep(
            at=at,
            place=1,
            words=statuses.item(status),
            tone=statuses.item_tone(status),
            platforms=_names(visit, together),
        )


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _names(visit: Visit, parts: Sequence[Part]) -> str:
    shown = [visit.name_of(part) for part in parts[:_MOST_NAMES]]
    rest = len(parts) - len(shown)
    named = (", " if visit.language == "en" else "、").join(shown)
    return visit.say("order.step.others", names=named, n=rest) if rest else named


def _event(visit: Visit, event: Event) -> OrderStep:
    at = parse_instant(event.at)
    if at is None:
        raise ValueError("expected an instant as the trail writes it")
    key = f"event.{event.action}"
    written = _facts(event.facts)
    return OrderStep(
        at=at,
        place=2 if event.action in _FOLLOWING else 0,
        words=visit.say(key) if key in CATALOGUE else event.action,
        actor=event.actor,
        facts=written if len(written) <= _MOST_FACTS else f"{written[:_MOST_FACTS]}…",
    )


def _facts(written: str) -> str:
    """Write the facts of an event in a line; what is not so, and digests, are not."""
    told = []
    for name, value in json.loads(written).items():
        if not value or (isinstance(value, str) and _DIGEST.fullmatch(value)):
            continue
        plain = value if isinstance(value, str) else json.dumps(value)
        told.append(f"{name}: {plain}")
    return " · ".join(told)
