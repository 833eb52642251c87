"""Spread out what is sent once more, and write it down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from unbind_broker.base.database import BOOLEANS, INSTANTS, INT, SMALLS, UUIDS, Db, sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType

GROUPS_PER_SECOND = 20.0
LONGEST_SPAN = timedelta(hours=1)
"""Over which what is sent together is spread: a receiver that lost its data must not
be hit with all of it at once."""

_ROWS = 1000
_BETWEEN = timedelta(microseconds=1)

Row = TypeVar("Row")

# What still waits keeps its step of the plan, its occasion, and no later a time.
_REPLAY = sql(
    """
    INSERT INTO deliveries AS d
        (endpoint_id, due_at, event, order_id, attempt, occasion, replay)
    SELECT :endpoint, n.due_at, n.event, n.order_id, 0, n.occasion, n.replay
    FROM unnest(:dues, :events, :orders, :occasions, :replays)
        AS n (due_at, event, order_id, occasion, replay)
    ON CONFLICT ON CONSTRAINT deliveries_subject DO UPDATE SET
        due_at = CASE WHEN excluded.replay THEN excluded.due_at
            ELSE least(d.due_at, excluded.due_at) END,
        attempt = CASE WHEN excluded.replay THEN 0 ELSE d.attempt END,
        occasion = CASE WHEN excluded.replay THEN excluded.occasion
            ELSE d.occasion END,
        replay = d.replay OR excluded.replay
    """,
    endpoint=INT,
    dues=INSTANTS,
    events=SMALLS,
    orders=UUIDS,
    occasions=UUIDS,
    replays=BOOLEANS,
)


class Thing(NamedTuple):
    """What an endpoint is told of: an order, the end of one, or a notice."""

    event: EventType
    subject_id: UUID


@dataclass(frozen=True)
class Sent:
    """Things that went out together, and go out together again."""

    things: Sequence[Thing]
    occasion: UUID | None = None


@dataclass
class Redelivery:
    """What becomes of a call: how many things go out again, and until when.

    ``unknown`` were never this endpoint's, ``closed`` need nothing more, ``skipped``
    stand elsewhere than was asked for. ``next_since`` is where to go on, if more was
    sent than one call repeats. ``repeats`` are still to be written down.
    """

    scheduled: int = 0
    unknown: int = 0
    closed: int = 0
    skipped: int = 0
    until: datetime | None = None
    next_since: datetime | None = None
    repeats: Sequence["Repeat"] = ()


class Repeat(NamedTuple):
    """A thing that goes out once more, and when."""

    thing: Thing
    due_at: datetime
    occasion: UUID | None
    replay: bool


@dataclass
class Plan:
    """What is to be sent: what waits at once, what was taken spread out."""

    waiting: list[Sent] = field(default_factory=list)
    taken: list[Sent] = field(default_factory=list)


def lay_out(now: datetime, endpoint: Endpoint, plan: Plan, found: Redelivery) -> None:
    """Say in ``found`` when what is planned goes out again, in the order of its keys.

    All who lock several rows take them in this order.
    """
    repeats = [*_at_once(now, plan.waiting), *_spread(now, endpoint, plan.taken)]
    found.scheduled += len(repeats)
    found.until = max((one.due_at for one in repeats), default=None)
    found.repeats = sorted(repeats, key=lambda one: one.thing)


async def write(db: Db, endpoint_id: EndpointId, repeats: Sequence[Repeat]) -> None:
    """Let these go out again.

    Whoever records what came of them meanwhile waits for this transaction, and all that
    a worker records waits with it: part what is much, one transaction to each part.
    """
    await db.execute(
        _REPLAY,
        {
            "endpoint": endpoint_id,
            "dues": [one.due_at for one in repeats],
            "events": [one.thing.event.code for one in repeats],
            "orders": [one.thing.subject_id for one in repeats],
            "occasions": [one.occasion for one in repeats],
            "replays": [one.replay for one in repeats],
        },
    )


def _at_once(now: datetime, groups: Sequence[Sent]) -> Iterator[Repeat]:
    """Send what waits now, and what failed together still together."""
    for place, group in enumerate(groups):
        for thing in group.things:
            yield Repeat(thing, now + place * _BETWEEN, group.occasion, replay=False)


def _spread(
    now: datetime, endpoint: Endpoint, groups: Sequence[Sent]
) -> Iterator[Repeat]:
    rate = min(GROUPS_PER_SECOND, endpoint.max_rate or GROUPS_PER_SECOND)
    span = min(timedelta(seconds=len(groups) / rate), LONGEST_SPAN)
    for place, group in enumerate(groups):
        due_at = now + span * (place / len(groups))
        for thing in group.things:
            yield Repeat(thing, due_at, group.occasion, replay=True)


def in_parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Part what is too much for one statement, or one transaction."""
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]
