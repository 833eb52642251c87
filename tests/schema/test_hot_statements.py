"""Statements that run all the time read what they need and no more, however many rows.

Each is carried out on large tables, by the plan for its values and by that for any.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.schema.large_tables import Past, fill
from tests.support.clock import NOON
from tests.support.database import Server
from tests.support.plan_steps import Step, steps_of
from unbind_broker.base.database import open_engine
from unbind_broker.base.ids import (
    CarrierId,
    EndpointId,
    OrderId,
    PlatformId,
    new_uuid7,
    uuid7_floor,
)
from unbind_broker.deadlines import (
    expiring,
    gathering,
    overdue,
    releasing,
    reminding,
    sweeping,
)
from unbind_broker.deliveries import (
    attempts,
    due_endpoints,
    fetching,
    queue,
    reminders,
    undelivered,
)
from unbind_broker.items import expiring as expiring_items
from unbind_broker.items import service as items
from unbind_broker.items import views
from unbind_broker.metrics import reads
from unbind_broker.notices import changes, feed
from unbind_broker.orders import settling
from unbind_broker.sending import briefs, contents, leases, log_reads, recheck
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
from unbind_broker.worker import due_watch

BATCH = 50
MOST_ROWS = 3_000
"""No step looks at more; the tables have more, and items 40,000."""
MOST_UNINDEXED = 300
"""As many rows of a small table may be read without an index."""
FEW = ("brakes", "carriers", "clearances", "endpoint", "platforms")
"""What there are only ever few of may be read whole."""
IN_ORDER = {
    "audit_events_by_actor",
    "audit_seals_by_position",
    "audit_seals_pkey",
    "order_changes_pkey",
    "order_log_by_order",
    "undelivered_pkey",
    "violations_pkey",
}
"""Indexes that are read from one end on, up to a limit or to the first row."""
LATER = NOON + timedelta(days=9)
ME = new_uuid7(NOON)


class Hot(NamedTuple):
    statement: TextClause
    values: Mapping[str, Any]
    indexes: tuple[str, ...] = ()


@pytest.fixture(scope="module")
async def large(server: Server) -> AsyncIterator[tuple[AsyncConnection, Past]]:
    """One transaction on a database of its own, in which nothing is committed."""
    async with server.fresh() as url:
        engine = open_engine(url, pool=1, application="tests")
        async with engine.connect() as db, db.begin():
            yield db, await fill(db)
        await engine.dispose()


def reading_the_log(past: Past) -> dict[str, Hot]:
    place = {"xid": 3_000, "order_id": UUID(int=0)}
    gaps = {"gap_xids": [5, 6, 7], "gap_orders": [UUID(int=0)] * 3}
    lanes = past.platforms[:10]
    behind = {
        "platforms": lanes,
        "xids": [100] * 10,
        "orders": [UUID(int=0)] * 10,
        "scans": [64] * 10,
        "first_gaps": [1] * 10,
        "last_gaps": [3] * 10,
    }
    index = ("order_log_pkey", "items_2026_11_pkey")
    return {
        "tail": Hot(log_reads._TAIL, {**place, **gaps, "limit": 256}, index),
        "behind": Hot(log_reads._BEHIND, {**behind, **gaps}, index),
        "briefs": Hot(briefs._READ, {"orders": past.open}, ("orders_2026_11_pkey",)),
        "leaders": Hot(briefs._LEADERS, {"orders": past.done}, ("items_2026_11_pkey",)),
    }


def reading_what_is_due(past: Past) -> dict[str, Hot]:
    ends = {
        "endpoints": past.endpoints,
        "rooms": [BATCH] * len(past.endpoints),
        "floors": [NOON] * len(past.endpoints),
    }
    whether = {"endpoints": past.endpoints, "since": NOON, "now": LATER}
    named = past.open[:20]
    wanted = {
        "orders": named,
        "platforms": [past.platforms[0]] * 20,
        "replays": [False] * 20,
    }
    cancels = {"endpoints": past.endpoints[:20], "orders": named}
    return {
        "due": Hot(queue._DUE, {**ends, "now": LATER}, ("deliveries_due",)),
        "whether due": Hot(due_endpoints._DUE, whether, ("deliveries_due",)),
        "clear": Hot(queue._CLEAR, {"ids": [*range(1, 51)]}, ("deliveries_pkey",)),
        "recheck": Hot(recheck._WAITING, wanted, ("items_2026_11_pkey",)),
        "cancels": Hot(
            contents._CANCELS,
            {**cancels, "unsure": [True] * len(named)},
            ("orders_2026_11_pkey",),
        ),
        "notices": Hot(contents._NOTICES, {"ids": named}, ("notices_2026_11_pkey",)),
    }


def fetching_items(past: Past) -> dict[str, Hot]:
    whose = {"endpoint": past.endpoints[0], "platform": past.platforms[0]}
    place = {"xid": 3_000, "order": UUID(int=0), "limit": BATCH}
    page = {"now": NOON, "limit": BATCH}
    named = {"orders": past.open, "platforms": [past.platforms[0]] * BATCH}
    item = ("items_2026_11_pkey",)
    return {
        "take in": Hot(
            fetching._TAKE_IN, {**whose, **place}, ("order_log_pkey", *item)
        ),
        "page": Hot(fetching._WAITING, {**whose, **page}, ("deliveries_due", *item)),
        "hand out": Hot(items._HAND_OUT, named, item),
    }


def recording(past: Past) -> dict[str, Hot]:
    named = {"orders": past.open, "platforms": [1] * BATCH}
    subjects = {
        "endpoints": [past.endpoints[0]] * BATCH,
        "events": [2] * BATCH,
        "orders": past.open,
    }
    scheduled = {
        **subjects,
        "dues": [NOON] * BATCH,
        "attempts": [1] * BATCH,
        "occasions": [None] * BATCH,
        "replays": [False] * BATCH,
    }
    item = ("items_2026_11_pkey",)
    reminded = {
        "endpoints": subjects["endpoints"],
        "orders": subjects["orders"],
        "occasions": past.open,
    }
    return {
        "append attempts": Hot(attempts._APPEND, _attempts(past)),
        "acknowledge": Hot(items._ACKNOWLEDGE, {**named, "now": NOON}, item),
        "count attempts": Hot(items._COUNT_ATTEMPTS, named, item),
        "undeliverable": Hot(items._MARK_UNDELIVERABLE, {**named, "now": NOON}, item),
        "lock": Hot(items._LOCK, named, item),
        "schedule": Hot(queue._SCHEDULE, scheduled),
        "delete": Hot(queue._DELETE, subjects, ("deliveries_subject",)),
        "replaced": Hot(reminders._REPLACED, reminded, ("deliveries_subject",)),
        "stop sending": Hot(queue._STOP_SENDING, named, ("deliveries_subject",)),
        "settle": Hot(
            settling._SETTLE, {"orders": past.open, "beside": 7, "now": NOON}, item
        ),
        "note undelivered": Hot(undelivered._NOTE, {**named, "now": NOON, "cause": 1}),
    }


def _attempts(past: Past) -> dict[str, Any]:
    nothing = ["dns", "connects", "tls", "first_bytes", "errors", "heads", "occasions"]
    return {
        "ids": [new_uuid7(NOON) for _ in range(BATCH)],
        "endpoints": [past.endpoints[0]] * BATCH,
        "events": [2] * BATCH,
        "orders": [f"{{{one}}}" for one in past.open],
        "webhook_ids": ["msg_1"] * BATCH,
        "digests": [b"\x01" * 32] * BATCH,
        "starts": [NOON] * BATCH,
        "outcomes": [1] * BATCH,
        "status_codes": [200] * BATCH,
        "totals": [5] * BATCH,
        "replays": [False] * BATCH,
        **{name: [None] * BATCH for name in nothing},
    }


def clocks(past: Past) -> dict[str, Hot]:
    start = sweeping.SweepPosition()
    sweep = {"deadline": start.deadline, "order": start.order_id, "limit": BATCH}
    some = {"now": LATER, "limit": BATCH}
    expired = {"orders": past.open, "now": NOON}
    by_deadline = ("orders_2026_11_deadline_idx",)
    return {
        "anything due": Hot(due_watch._LOOK, {"now": LATER}, by_deadline),
        "overdue": Hot(expiring._OVERDUE, some, by_deadline),
        "expire": Hot(expiring_items._EXPIRE, expired, ("items_2026_11_pkey",)),
        "release": Hot(releasing._RELEASE, some, ("orders_2026_11_held_until_idx",)),
        "sweep": Hot(sweeping._NEXT, sweep, by_deadline),
    }


def telling(past: Past) -> dict[str, Hot]:
    some = {"now": LATER, "limit": BATCH}
    named = {"orders": past.open, "platforms": [1] * BATCH}
    subjects = {"endpoints": past.endpoints[:20], "orders": past.open[:20]}
    halves = {"orders": past.open, "occasions": past.open, "now": NOON}
    order, item = ("orders_2026_11_pkey",), ("items_2026_11_pkey",)
    changed = {"due": LATER, "limit": BATCH}
    return {
        "note changed": Hot(changes._NOTE, {"now": NOON, "orders": past.open}),
        "gather": Hot(gathering._TAKE_IN, changed, ("order_changes_pkey", *order)),
        "gathered": Hot(gathering._DUE, some, ("order_updates_due", *order)),
        "told overdue": Hot(overdue._OVERDUE, named, order),
        "outlines": Hot(views._COUNTS, {"orders": past.open}, item),
        "remind": Hot(reminding._DUE, some, ("order_reminders_due", *order)),
        "enrol": Hot(reminding._ENROL, {"from": 5, "limit": BATCH}, order),
        "announce reminders": Hot(reminders._REMIND, halves, item),
        "reminders": Hot(contents._REMINDERS, subjects, item),
    }


def owning(past: Past) -> dict[str, Hot]:
    held = {
        "endpoints": past.endpoints,
        "epochs": [1] * len(past.endpoints),
        "worker": ME,
    }
    cursors = {
        "xids": [5] * len(past.endpoints),
        "orders": [UUID(int=0)] * len(past.endpoints),
    }
    claimed = {"busy": [], "count": 20, "worker": ME, "lease": 20.0}
    return {
        "renew": Hot(leases._RENEW, {**held, **cursors, "lease": 20.0}),
        "claim": Hot(leases._CLAIM, claimed),
        "fence": Hot(leases._FENCE, held),
    }


def listing(past: Past) -> dict[str, Hot]:
    page = {"carrier": past.carrier, "xid": 300, "id": UUID(int=0), "limit": BATCH}
    by_carrier = ("notices_2026_11_carrier_id_xid_id_idx",)
    return {"feed": Hot(feed._READ, page, by_carrier)}


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


_GROUPS = (
    reading_the_log,
    reading_what_is_due,
    fetching_items,
    recording,
    clocks,
    telling,
    owning,
    listing,
    counting_what_ended,
    reading_figures,
    reading_the_overview,
)


def all_of(past: Past) -> dict[str, Hot]:
    return {name: hot for group in _GROUPS for name, hot in group(past).items()}


async def test_hot_statements_read_no_more_than_they_need(
    large: tuple[AsyncConnection, Past],
) -> None:
    db, past = large
    faults = {}
    for name, hot in all_of(past).items():
        for generic in (False, True):
            steps = await steps_of(db, hot.statement, hot.values, generic=generic)
            if found := _faults(steps, hot.indexes):
                faults[name, generic] = found
    assert faults == {}, "\n".join(map(str, faults.items()))


def _faults(steps: list[Step], indexes: tuple[str, ...]) -> list[str]:
    used = {step.index for step in steps}
    faults = [f"{index} is not used" for index in indexes if index not in used]
    for step in steps:
        unindexed = step.kind == "Seq Scan" and step.rows > MOST_UNINDEXED
        if unindexed or step.rows > MOST_ROWS:
            where = step.index or step.relation
            faults.append(f"{step.kind} {where} looks at {step.rows} rows")
    return faults


async def test_no_plan_that_was_made_on_empty_tables_reads_them_whole(
    engine: AsyncEngine,
) -> None:
    """A plan is kept for some seconds, in which many orders may come."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as db:
        for table in ("order_log", "deliveries", "undelivered", "endpoint_leases"):
            await db.execute(text(f"VACUUM ANALYZE {table}"))
    past = Past(
        CarrierId(1),
        [PlatformId(1)] * 20,
        [EndpointId(1)] * 20,
        [OrderId(UUID(int=g)) for g in range(50)],
        [],
    )
    async with engine.begin() as db:
        whole = {
            (name, one)
            for name, hot in all_of(past).items()
            for step in await steps_of(db, hot.statement, hot.values, generic=True)
            for one in _whole(step)
            if not one.startswith(FEW)
        }
    assert whole == set()


def _whole(step: Step) -> frozenset[str]:
    """Give what a step reads whole, or once for every row of something else."""
    if step.kind == "Seq Scan" or (step.reads_all and not _is_in_order(step)):
        return frozenset({step.index or step.relation})
    return step.compared


def _is_in_order(step: Step) -> bool:
    by_time = step.kind == "Index Scan" and "_pkey" not in step.index
    return by_time or step.index in IN_ORDER
