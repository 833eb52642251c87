"""Statements that count all the time, and such as read figures."""

from datetime import date, timedelta
from uuid import UUID

from tests.schema.hot import BATCH, LATER, Hot
from tests.schema.large_tables import Past
from tests.support.clock import NOON
from unbind_broker.base.ids import (
    new_uuid7,
    uuid7_floor,
)
from unbind_broker.metrics import reads
from unbind_broker.statistics import (
    adding,
    adding_orders,
    backlog,
    clearings,
    counting,
    counting_attempts,
    figures,
    flow,
    overview,
    published,
    standing,
)
from unbind_broker.statistics import days as all_days
from unbind_broker.statistics.measures import Measure


def counting_what_ended(past: Past) -> dict[str, Hot]:
    start = {"xid": 500, "id": UUID(int=0), "most": BATCH}
    read = {**start, "actions": counting._ACTIONS}
    named = {"orders": past.done, "actions": list(counting._OF_ORDERS)}
    ended = {
        "orders": past.done[:20],
        "ats": [NOON] * 20,
        "platforms": [None] * 20,
        "zone": "Asia/Shanghai",
        "stoods": ['{"1": [12, null, false]}'] * 20,
    }
    single = {
        "platforms": [1] * BATCH,
        "ats": [NOON] * BATCH,
        "measures": [Measure.UNDONE.value] * BATCH,
        "orders": past.done,
        "zone": "Asia/Shanghai",
    }
    begun = {"id": past.open[0], "end": new_uuid7(LATER), "most": BATCH}
    trail, item = ("audit_events_by_xid",), ("items_2026_11_pkey",)
    return {
        "next events": Hot(counting._NEXT, read, trail),
        "histories": Hot(counting._HISTORIES, named, ("audit_events_by_order",)),
        "add ended": Hot(adding._ADD_ENDED, ended, item),
        "add": Hot(adding._ADD, single, ("orders_2026_11_pkey",)),
        "add orders": Hot(
            adding_orders._ADD,
            {
                "xid": 500,
                "id": UUID(int=0),
                "last_xid": 700,
                "last_id": UUID(int=0),
                "zone": "Asia/Shanghai",
            },
            trail,
        ),
        "attempts": Hot(
            counting_attempts._COUNT,
            {**begun, "zone": "Asia/Shanghai"},
            ("attempts_2026_11_pkey",),
        ),
    }


def reading_figures(past: Past) -> dict[str, Hot]:
    week = {"since": date(2026, 10, 1), "until": date(2026, 10, 7)}
    one, all_of_them = {"platforms": past.platforms[:1]}, {"platforms": None}
    days = ("platform_days_pkey",)
    urgent = ("orders_2026_11_deadline_idx", "items_2026_11_pkey")
    now = {"now": NOON, "most": BATCH}
    return {
        "days": Hot(
            all_days._DAYS, {**week, "measures": sorted(all_days._NAMES)}, days
        ),
        "published": Hot(published._KNOWN, week, days),
        "own figures": Hot(figures._SUMS, {**one, **week}, days),
        "totals": Hot(figures._TOTAL, {**all_of_them, **week}, days),
        "open": Hot(figures._OPEN, {**one, **now}, urgent),
        "all open": Hot(figures._OPEN, {"platforms": past.platforms, **now}, urgent),
    }


def reading_the_overview(past: Past) -> dict[str, Hot]:
    minutes = [NOON + place * timedelta(minutes=1) for place in range(60)]
    begun = {
        "floors": [uuid7_floor(one) for one in minutes],
        "ends": [uuid7_floor(one + timedelta(minutes=1)) for one in minutes],
    }
    some = {"most": BATCH}
    due = {"now": NOON, "soon": LATER, "later": LATER, **some}
    order, item = ("orders_2026_11_pkey",), ("items_2026_11_pkey",)
    by_deadline = ("orders_2026_11_deadline_idx",)
    place = {"xid": 500, "id": UUID(int=0)}
    del past
    return {
        "minutes": Hot(flow._MINUTES, {**begun, **some}, (*order, *item)),
        "in progress": Hot(backlog._IN_PROGRESS, some, by_deadline),
        "held": Hot(backlog._HELD, some, ("orders_2026_11_held_until_idx",)),
        "due items": Hot(backlog._ITEMS, due, (*by_deadline, *item)),
        "unsent": Hot(backlog._UNSENT, {"now": LATER, "read": 64, "most": 1}, item),
        "unsent of each": Hot(
            backlog._UNSENT, {"now": LATER, "read": 64, "most": 2000}, item
        ),
        "undelivered": Hot(overview._COUNTS["undeliverable"], some, item),
        "violations": Hot(overview._COUNTS["violations"], some, item),
        "unsealed": Hot(overview._UNSEALED, {**place, **some}),
        "standings": Hot(standing._PLATFORMS, {}),
        "clearances": Hot(clearings._UNDER_WAY, some),
        "waves": Hot(clearings._WAVES, {"clearances": []}),
        "new violations": Hot(
            reads.VIOLATIONS_SINCE,
            {"since": uuid7_floor(NOON), **some},
            ("violations_pkey",),
        ),
        "stopped clearances": Hot(reads.STOPPED, some),
    }


GROUPS = (counting_what_ended, reading_figures, reading_the_overview)
