# ruff: noqa: S608 - only codes and names of columns are put into statements
"""Add to the sums of platforms, and write down how far the counting came."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import (
    BIG,
    INSTANT,
    INSTANTS,
    INTS,
    SMALLS,
    TEXT,
    TEXTS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.deliveries.reminders import STARTS_AT
from unbind_broker.items.states import FIRST_FINAL_CODE, REFUSALS, ItemStatus
from unbind_broker.statistics.measures import BOUNDS, NO_KIND, Family, Measure
from unbind_broker.statistics.order_rounds import Ended, Place

_START = Place(0, UUID(int=0))


class Addition(NamedTuple):
    """One more of a measure; of an order, whose kind it is counted under, or of none.

    Of an order that is there no longer nothing is counted.
    """

    platform_id: int
    at: datetime
    measure: int
    order_id: UUID | None


async def load_mark(db: Db, name: str) -> Place:
    """Read how far something was counted."""
    rows = await fetch_all(db, _LOAD_MARK, {"name": name})
    return Place(*rows[0]) if rows else _START


async def write_mark(db: Db, name: str, place: Place, at: datetime) -> None:
    """Write down how far something is counted; all that happened before ``at`` is."""
    values = {"name": name, "xid": place.xid, "id": place.id, "at": at}
    await db.execute(_WRITE_MARK, values)


async def add(db: Db, zone: str, additions: Sequence[Addition]) -> None:
    """Add single events; ``UNDONE`` counts where the order undoes a violation."""
    if not additions:
        return
    platforms, ats, measures, orders = zip(*additions, strict=True)
    values = {
        "platforms": platforms,
        "ats": ats,
        "measures": measures,
        "orders": orders,
        "zone": zone,
    }
    await db.execute(_ADD, {name: _listed(value) for name, value in values.items()})


async def add_disputes(db: Db, zone: str, order_ids: Collection[UUID]) -> None:
    """Add the disputes that came with these orders."""
    if order_ids:
        values = {"orders": list(order_ids), "zone": zone}
        await db.execute(_ADD_DISPUTES, values)


async def add_ended(db: Db, zone: str, ended: Sequence[Ended]) -> None:
    """Add the items of orders that ended, on the days on which the orders did."""
    if not ended:
        return
    named = [
        (one, platform)
        for one in ended
        for platform in ([None] if one.again is None else sorted(one.again))
    ]
    values = {
        "orders": [one.order_id for one, _ in named],
        "ats": [one.at for one, _ in named],
        "platforms": [platform for _, platform in named],
        "stoods": [_stood(one) for one, _ in named],
        "zone": zone,
    }
    await db.execute(_ADD_ENDED, values)


def _stood(ended: Ended) -> str:
    """Write what stood then: status, reason and whether it was late, by platform."""
    return json.dumps(
        {
            str(one.platform_id): (
                one.words.status.code,
                one.words.reason and one.words.reason.code,
                one.words.late,
            )
            for one in ended.stood
        }
    )


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


_LOAD_MARK = sql("SELECT xid, id FROM counting_marks WHERE name = :name", name=TEXT)
_WRITE_MARK = sql(
    """
    INSERT INTO counting_marks (name, xid, id, at) VALUES (:name, :xid, :id, :at)
    ON CONFLICT (name) DO UPDATE
    SET xid = excluded.xid, id = excluded.id, at = excluded.at""",
    name=TEXT,
    xid=BIG,
    id=UUID_TYPE,
    at=INSTANT,
)
SUMS = "INSERT INTO platform_days AS d (platform_id, day, kind, measure, n)"
MORE = """
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (platform_id, day, kind, measure) DO UPDATE SET n = d.n + excluded.n"""


def day_of(instant: str) -> str:
    """Give the day on which an instant lies, in SQL."""
    return f"({instant} AT TIME ZONE :zone)::date"


def _undoes(order: str, platform: str) -> str:
    return f"""(SELECT true FROM violations v
        WHERE v.restore_id = {order} AND v.platform_id = {platform}
        LIMIT 1) IS NOT NULL"""


_ADD = sql(
    f"""{SUMS}
    SELECT a.platform_id, {day_of("a.at")}, coalesce(o.kind, {NO_KIND}), a.measure,
        count(*)
    FROM unnest(:platforms, :ats, :measures, :orders)
        AS a (platform_id, at, measure, order_id)
    LEFT JOIN LATERAL (
        SELECT kind FROM orders WHERE id = a.order_id OFFSET 0
    ) o ON true
    WHERE (o.kind IS NOT NULL OR a.order_id IS NULL)
        AND (a.measure <> {Measure.UNDONE} OR {_undoes("a.order_id", "a.platform_id")})
    {MORE}""",
    platforms=INTS,
    ats=INSTANTS,
    measures=SMALLS,
    orders=UUIDS,
    zone=TEXT,
)
_ADD_DISPUTES = sql(
    f"""{SUMS}
    SELECT s.platform_id, {day_of("s.raised_at")}, {NO_KIND}, {Measure.DISPUTE},
        count(*)
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (
        SELECT platform_id, raised_at FROM disputes WHERE order_id = n.order_id OFFSET 0
    ) s
    {MORE}""",
    orders=UUIDS,
    zone=TEXT,
)
_CANCELLED = ItemStatus.CANCELLED.code
_WITHOUT_ANSWER = codes_of({ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE})
_BY_PLATFORM = f"s.status NOT IN ({_WITHOUT_ANSWER}, {_CANCELLED})"
_ACKNOWLEDGED = "i.acknowledged_at <= e.at"


_BOUNDS = f"ARRAY[{', '.join(map(str, BOUNDS))}]::float8[]"


def _class_of(until: str) -> str:
    """Give the class of the time from when a platform could first work, in SQL."""
    return f"""width_bucket(
        extract(epoch FROM {until} - o.starts_at)::float8, {_BOUNDS})"""


# What was asked again has no times: nobody can say of them what was whose doing.
_MEASURES = f"""ARRAY[
    {Measure.ASKED},
    {Family.OUTCOME} + s.status,
    CASE WHEN {_ACKNOWLEDGED} THEN {Measure.ACKNOWLEDGED} END,
    CASE WHEN {_BY_PLATFORM} AND NOT s.late THEN {Measure.IN_TIME} END,
    CASE WHEN s.status IN ({_WITHOUT_ANSWER}) OR (s.late AND {_BY_PLATFORM})
        THEN {Measure.NOT_IN_TIME} END,
    CASE WHEN s.late AND {_BY_PLATFORM} THEN {Measure.LATE} END,
    CASE WHEN s.reason IN ({codes_of(REFUSALS)}) THEN {Family.REFUSAL} + s.reason END,
    CASE WHEN s.first AND {_ACKNOWLEDGED}
        THEN {Family.ACKNOWLEDGEMENT} + {_class_of("i.acknowledged_at")} END,
    CASE WHEN s.first AND s.stands AND {_BY_PLATFORM}
        THEN {Family.RESULT} + {_class_of("i.finished_at")} END,
    CASE WHEN s.status = {ItemStatus.RESTORED.code}
            AND {_undoes("o.id", "i.platform_id")}
        THEN {Measure.UNDONE} END
]"""
# What stood is looked up in one small object for each order: two lists of thousands
# would be compared each with each.
_ADD_ENDED = sql(
    f"""{SUMS}
    SELECT i.platform_id, {day_of("e.at")}, o.kind, m.measure, count(*)
    FROM unnest(:orders, :ats, :platforms, :stoods)
        AS e (order_id, at, platform_id, stood)
    CROSS JOIN LATERAL (
        SELECT id, kind, {STARTS_AT} AS starts_at, e.stood::jsonb AS stood FROM orders o
        WHERE o.id = e.order_id OFFSET 0
    ) o
    CROSS JOIN LATERAL (
        SELECT platform_id, status, reason, late, acknowledged_at, finished_at, attempts
        FROM items
        WHERE order_id = o.id AND follows IS NULL
            AND (e.platform_id IS NULL OR platform_id = e.platform_id)
        OFFSET 0
    ) i
    CROSS JOIN LATERAL (
        SELECT o.stood -> i.platform_id::text AS words OFFSET 0
    ) w
    CROSS JOIN LATERAL (
        SELECT coalesce((w.words ->> 0)::smallint, i.status) AS status,
            CASE WHEN w.words IS NULL THEN i.reason
                ELSE (w.words ->> 1)::smallint END AS reason,
            coalesce((w.words ->> 2)::boolean, i.late) AS late,
            w.words IS NULL AS stands, e.platform_id IS NULL AS first
        OFFSET 0
    ) s
    CROSS JOIN LATERAL unnest({_MEASURES}) AS m (measure)
    WHERE s.status >= {FIRST_FINAL_CODE} AND m.measure IS NOT NULL
        AND (s.status <> {_CANCELLED} OR i.attempts > 0
            OR coalesce({_ACKNOWLEDGED}, false))
    {MORE}""",
    orders=UUIDS,
    ats=INSTANTS,
    platforms=INTS,
    stoods=TEXTS,
    zone=TEXT,
)
