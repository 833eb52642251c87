"""Write down what is sent once more, spread out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from unbind_broker.base.database import BOOLEANS, INSTANTS, INT, SMALLS, UUIDS, Db, sql
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
    sent than one call repeats.
    """

    scheduled: int = 0
    unknown: int = 0
    closed: int = 0
    skipped: int = 0
    until: datetime | None = None
    next_since: datetime | None = None


@dataclass
class Plan:
    """What is to be sent: what waits at once, what was taken spread out."""

    waiting: list[Sent] = field(default_factory=list)
    taken: list[Sent] = field(default_factory=list)


async def schedule(
    db: Db, now: datetime, endpoint: Endpoint, plan: Plan, found: Redelivery
) -> None:
    """Let what is planned go out again, and say so in ``found``.

    Rows are written in the order of their keys, as all do who lock several of them.
    """
    rows = [*_at_once(now, plan.waiting), *_spread(now, endpoint, plan.taken)]
    found.scheduled += len(rows)
    found.until = max((row.due_at for row in rows), default=None)
    rows.sort(key=lambda row: row.thing)
    for part in in_parts(rows):
        await db.execute(
            _REPLAY,
            {
                "endpoint": endpoint.id,
                "dues": [row.due_at for row in part],
                "events": [row.thing.event.code for row in part],
                "orders": [row.thing.subject_id for row in part],
                "occasions": [row.occasion for row in part],
                "replays": [row.replay for row in part],
            },
        )


class _Made(NamedTuple):
    thing: Thing
    due_at: datetime
    occasion: UUID | None
    replay: bool


def _at_once(now: datetime, groups: Sequence[Sent]) -> Iterator[_Made]:
    """Send what waits now, and what failed together still together."""
    for place, group in enumerate(groups):
        for thing in group.things:
            yield _Made(thing, now + place * _BETWEEN, group.occasion, replay=False)


def _spread(
    now: datetime, endpoint: Endpoint, groups: Sequence[Sent]
) -> Iterator[_Made]:
    rate = min(GROUPS_PER_SECOND, endpoint.max_rate or GROUPS_PER_SECOND)
    span = min(timedelta(seconds=len(groups) / rate), LONGEST_SPAN)
    for place, group in enumerate(groups):
        due_at = now + span * (place / len(groups))
        for thing in group.things:
            yield _Made(thing, due_at, group.occasion, replay=True)


def in_parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Part what is too much for one statement."""
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]
