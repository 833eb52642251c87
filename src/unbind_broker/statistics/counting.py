"""Count what ended, day by day and platform by platform, by reading the audit trail.

The trail names every order that ends, and whatever else is counted of a platform, in
the order of its transactions. It is read once from end to end, only below the oldest
transaction that still runs; how far is written down together with the sums. Run it in a
transaction of isolation level REPEATABLE READ, so that items and events fit together:
should two count at once, one of them fails and leaves nothing behind.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.database import BIG, INT, TEXTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.items.states import REFUSALS, ItemStatus, Reason
from unbind_broker.statistics.adding import (
    Addition,
    add,
    add_disputes,
    add_ended,
    load_mark,
    write_mark,
)
from unbind_broker.statistics.adding_orders import add_accepted
from unbind_broker.statistics.measures import Family, Measure
from unbind_broker.statistics.order_rounds import (
    ENDS,
    RESULTS,
    Happened,
    OrderEvent,
    Place,
    Words,
    ended_by,
    is_after_the_end,
)

TRAIL = "trail"
"""How far the trail was counted stands under this name."""
_ACCEPTED = "order.accepted"
_REMARKS = {
    "result.conflict": Measure.CONFLICT,
    "violation.raised": Measure.VIOLATION,
}
_ENDED_WITHOUT_ANSWER = {ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE}


class Counted(NamedTuple):
    """How much was read, and whether there was more."""

    rows: int
    more: bool


async def count_trail(db: Db, now: datetime, zone: str, most: int) -> Counted:
    """Count what up to ``most`` further events say, by the days of ``zone``."""
    after = await load_mark(db, TRAIL)
    values = {"xid": after.xid, "id": after.id, "actions": _ACTIONS, "most": most}
    rows = await fetch_all(db, _NEXT, values)
    if not rows:
        await write_mark(db, TRAIL, after, now)
        return Counted(0, more=False)
    await _count(db, rows, zone)
    last = rows[-1]
    await add_accepted(db, zone, after, Place(last.xid, last.id))
    more = last.read >= most
    await write_mark(db, TRAIL, Place(last.xid, last.id), last.at if more else now)
    return Counted(last.read, more)


async def _count(db: Db, rows: Sequence[Any], zone: str) -> None:
    told = [row for row in rows if row.order_id and row.action in _OF_ORDERS]
    histories = await _load_histories(db, {row.order_id for row in told})
    events = [
        event
        for row in told
        for event in histories[row.order_id]
        if event.place == (row.xid, row.id)
    ]
    ends = [event for event in events if event.what in ENDS]
    await add_ended(db, zone, [ended_by(one, histories[one.order_id]) for one in ends])
    additions = [
        addition
        for event in events
        if event.what in RESULTS
        for addition in _of_result(event, histories[event.order_id])
    ]
    await add(db, zone, [*additions, *_of_remarks(rows)])
    accepted = [row.order_id for row in rows if row.action == _ACCEPTED]
    await add_disputes(db, zone, accepted)


def _of_result(event: OrderEvent, history: Sequence[OrderEvent]) -> Iterator[Addition]:
    """Count a result that replaced another: all it says, if no end does."""
    (platform,) = event.platforms
    if event.what is Happened.AMENDED:
        yield Addition(platform, event.at, Measure.AMENDED, event.order_id)
        return
    if event.reported is None or not is_after_the_end(event, history):
        return
    measures: list[int] = [Family.OUTCOME + event.reported.status.code]
    if event.was is not None and event.was.status in _ENDED_WITHOUT_ANSWER:
        measures.append(Measure.LATE)
    if event.reported.reason in REFUSALS:
        measures.append(Family.REFUSAL + event.reported.reason.code)
    if event.reported.status is ItemStatus.RESTORED:
        measures.append(Measure.UNDONE)
    for measure in measures:
        yield Addition(platform, event.at, measure, event.order_id)


def _of_remarks(rows: Iterable[Any]) -> Iterator[Addition]:
    for row in rows:
        measure = _REMARKS.get(row.action)
        if measure is not None and row.platform_id is not None:
            yield Addition(row.platform_id, row.at, measure, None)


async def _load_histories(
    db: Db, order_ids: Iterable[UUID]
) -> defaultdict[UUID, list[OrderEvent]]:
    values = {"orders": sorted(order_ids), "actions": list(_OF_ORDERS)}
    histories: defaultdict[UUID, list[OrderEvent]] = defaultdict(list)
    for row in await fetch_all(db, _HISTORIES, values):
        histories[row.order_id].append(_event(row))
    return histories


def _event(row: Any) -> OrderEvent:
    facts: Mapping[str, Any] = row.facts
    return OrderEvent(
        place=Place(row.xid, row.id),
        order_id=row.order_id,
        what=Happened(row.action),
        at=row.at,
        platforms=frozenset(row.platforms),
        was=_words(facts.get("was")),
        reported=_words(facts.get("reported")),
    )


def _words(told: Mapping[str, Any] | None) -> Words | None:
    if told is None:
        return None
    reason = told.get("reason")
    return Words(
        ItemStatus(told["status"]),
        Reason(reason) if reason else None,
        late=bool(told.get("late")),
    )


_OF_ORDERS = frozenset(what.value for what in Happened)
_ACTIONS = [*_OF_ORDERS, *_REMARKS, _ACCEPTED]
# Platforms speak as "platform:" and their slug.
_ACTOR = "substr(e.actor, 10)"
_NEXT = sql(
    f"""
    SELECT e.xid, e.id, e.at, e.action, e.order_id, e.read, p.id AS platform_id
    FROM (
        SELECT n.*, count(*) OVER () AS read,
            lead(n.id) OVER (ORDER BY n.xid, n.id) IS NULL AS is_last
        FROM (
            SELECT xid, id, at, actor, action, order_id,
                action <> '{_ACCEPTED}' OR facts -> 'recheck' = 'true' AS matters
            FROM audit_events
            WHERE (xid, id) > (:xid, :id)
                AND xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
            ORDER BY xid, id
            LIMIT :most
        ) n
    ) e
    LEFT JOIN platforms p ON p.slug = {_ACTOR} AND e.actor LIKE 'platform:%'
    WHERE e.is_last OR (e.matters AND e.action = ANY(:actions))
    ORDER BY e.xid, e.id""",  # noqa: S608 - names of actions
    xid=BIG,
    id=UUID_TYPE,
    actions=TEXTS,
    most=INT,
)
_HISTORIES = sql(
    f"""
    SELECT e.order_id, e.xid, e.id, e.at, e.action, e.facts, ARRAY(
        SELECT id FROM platforms WHERE slug = ANY(
            CASE WHEN e.actor LIKE 'platform:%' THEN ARRAY[{_ACTOR}]
            ELSE ARRAY(SELECT jsonb_array_elements_text(e.facts -> 'platforms')) END)
    ) AS platforms
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (
        SELECT * FROM audit_events
        WHERE order_id = n.order_id AND action = ANY(:actions)
        OFFSET 0
    ) e""",  # noqa: S608 - a name of a column
    orders=UUIDS,
    actions=TEXTS,
)
