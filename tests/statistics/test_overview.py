"""An administrator sees how the broker stands, in one read, whatever there is."""

from datetime import timedelta

from sqlalchemy import insert, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import orders_of_their_own
from tests.support.order_builders import a_reachable_platform, an_order, bring_to
from unbind_broker.audit.tables import audit_seals
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers import brakes
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.tables import clearance_waves, clearances
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.undelivered import note
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import add
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.backlog import (
    Unsent,
    read_oldest_unsent,
    read_open_items,
    read_open_orders,
)
from unbind_broker.statistics.flow import MINUTES, read_minutes
from unbind_broker.statistics.overview import Overview, overview
from unbind_broker.statistics.standing import Standing, read_standings

MINUTE = timedelta(minutes=1)


async def test_nothing_at_all_is_an_overview_too(db: Db) -> None:
    seen = await overview(db, NOON)
    assert len(seen.minutes) == MINUTES
    assert seen.items.total == seen.undeliverable == seen.violations_open == 0
    assert (seen.oldest_unsent, seen.brakes, seen.clearances) == (None, (), ())
    assert seen.platforms.ill == ()
    assert seen.sealing.last_sealed_at is None


async def test_orders_and_items_are_counted_in_their_minute(db: Db) -> None:
    carrier = await a_carrier(db)
    for slug in ("jd", "weibo"):
        await a_reachable_platform(db, slug)
    await orders_of_their_own(db, carrier, 3, now=NOON - 5 * MINUTE)
    await orders_of_their_own(db, carrier, 1, now=NOON + timedelta(seconds=2))

    minutes = await read_minutes(db, NOON + timedelta(seconds=30))
    told = {one.at: (one.orders, one.items) for one in minutes if one.orders}
    assert told == {NOON - 5 * MINUTE: (3, 6), NOON: (1, 2)}
    assert [one.at for one in minutes] == sorted(one.at for one in minutes)
    assert not any(one.estimated for one in minutes)


async def test_crowded_minute_is_estimated_from_its_first_orders(db: Db) -> None:
    carrier = await a_carrier(db)
    for slug in ("jd", "weibo"):
        await a_reachable_platform(db, slug)
    begin = NOON - 2 * MINUTE
    for second in range(0, 60, 3):
        at = begin + timedelta(seconds=second)
        await orders_of_their_own(db, carrier, 1, OrderKind.QUERY, now=at)

    minutes = await read_minutes(db, NOON, most=10)
    (crowded,) = [one for one in minutes if one.at == begin]
    assert crowded.estimated
    assert 18 <= crowded.orders <= 24  # 20 there are
    assert crowded.items == 2 * crowded.orders


async def test_rehearsals_are_left_out(db: Db) -> None:
    carrier = await a_carrier(db)
    twin = await a_carrier(db, "twin")
    await a_reachable_platform(db)
    await orders_of_their_own(db, carrier, 1)
    of_twin = update(orders).values(carrier_id=twin.id)
    await db.execute(of_twin)
    is_twin = update(carriers).where(carriers.c.id == twin.id)
    await db.execute(is_twin.values(sandbox_of=carrier.id))
    made_up = Profile(name_zh="甲", name_en="A", category="social", sensitive=False)
    await add(db, NOON, "made-up", made_up, "test", world=World.SANDBOX)

    seen = await overview(db, NOON + timedelta(seconds=30))
    assert seen.orders.in_progress == seen.items.total == 0
    assert sum(one.orders for one in seen.minutes) == 0
    assert sum(seen.platforms.counts.values()) == 1


async def test_open_items_are_told_by_status_and_by_when_they_are_due(db: Db) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    jd = await a_reachable_platform(db, "jd")
    late, urgent, today, done = await orders_of_their_own(db, carrier, 4)
    for order_id, due in (
        (late, -MINUTE),
        (urgent, 30 * MINUTE),
        (today, timedelta(hours=9)),
    ):
        moved = update(orders).where(orders.c.id == order_id)
        await db.execute(moved.values(deadline=NOON + due))
    await bring_to(db, ItemKey(late, weibo.id), ItemStatus.ACKNOWLEDGED)
    await bring_to(db, ItemKey(urgent, jd.id), ItemStatus.NOT_BOUND)
    finished = update(orders).where(orders.c.id == done)
    await db.execute(finished.values(status=OrderStatus.COMPLETED))

    found = await read_open_items(db, NOON)
    assert (found.overdue, found.within_hour, found.within_day) == (2, 1, 3)
    assert found.by_status[ItemStatus.ACKNOWLEDGED] == 1
    assert found.by_status[ItemStatus.QUEUED] == 4
    assert (found.total, found.among) == (5, None)

    first = await read_open_items(db, NOON, most=1)
    assert (first.overdue, first.total, first.among) == (2, 2, 1)


async def test_held_orders_are_told_by_why_they_are_held(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    held = await orders_of_their_own(db, carrier, 3)
    await orders_of_their_own(db, carrier, 2)
    whys = (HoldReason.DISPUTED_HOLDING, HoldReason.BRAKED, HoldReason.BRAKED)
    for order_id, why in zip(held, whys, strict=True):
        row = update(orders).where(orders.c.id == order_id)
        until = None if why is HoldReason.BRAKED else NOON
        values = {"status": OrderStatus.HELD, "held_for": why, "held_until": until}
        await db.execute(row.values(**values))

    found = await read_open_orders(db)
    assert found.in_progress == 2
    assert found.held == {
        HoldReason.UNDO_WINDOW: 0,
        HoldReason.DISPUTED_HOLDING: 1,
        HoldReason.BRAKED: 2,
    }
    assert (await overview(db, NOON)).disputes == 1


async def test_oldest_unsent_is_the_first_send_or_retry_that_waits_longest(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    now = NOON + 10 * MINUTE
    assert await read_oldest_unsent(db, now) == Unsent("weibo", NOON)

    await db.execute(update(items).values(attempts=1))
    assert await read_oldest_unsent(db, now) is None

    endpoint = (await an_endpoint(db, await a_platform(db, "jd"))).endpoint
    for due, order in ((NOON + MINUTE, order_id), (now + MINUTE, new_uuid7(NOON))):
        subject = Subject(endpoint.id, EventType.UNBIND_REQUESTED, order)
        await queue.schedule(db, [Due(subject, due, 1)])
    assert await read_oldest_unsent(db, now) == Unsent("jd", NOON + MINUTE)
    del weibo


async def test_what_waits_for_a_parked_platform_is_not_late(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    await an_endpoint(db, platform, paused_by=PausedBy.ADMIN)
    await an_order(db, carrier)
    assert await read_oldest_unsent(db, NOON + MINUTE) is None


async def test_ill_platforms_are_named_with_what_they_answer_and_since_when(
    db: Db,
) -> None:
    ill = (await an_endpoint(db, await a_platform(db, "weibo"))).endpoint
    slow = (await an_endpoint(db, await a_platform(db, "jd"))).endpoint
    await a_reachable_platform(db, "douyin")
    await an_endpoint(db, await a_platform(db, "ctrip"), paused_by=PausedBy.OWNER)
    await an_endpoint(db, await a_platform(db, "didi"), disabled="answered 410")
    await a_platform(db, "zhihu")
    await a_platform(db, "bilibili", suspended=True)
    since = NOON - timedelta(hours=3)
    await health_store.save(
        db,
        {
            ill.id: Health(
                Condition.OPEN,
                NOON,
                failing_since=since,
                failures=12,
                last_error="HTTP 503",
            ),
            slow.id: Health(Condition.DEGRADED, since),
        },
    )

    found = await read_standings(db)
    assert {one: n for one, n in found.counts.items() if n != 1} == {}
    assert [one.platform for one in found.ill] == [
        *("weibo", "didi", "jd", "ctrip", "bilibili"),
    ]
    worst = found.ill[0]
    assert worst.standing is Standing.BREAKER_OPEN
    assert (worst.failing_since, worst.failures, worst.error) == (since, 12, "HTTP 503")
    assert found.ill[1].error == "answered 410"
    assert found.parked == 2


async def test_undeliverable_items_and_violations_count_until_they_are_mended(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    lost, found, restore = await orders_of_their_own(db, carrier, 3)
    keys = [ItemKey(one, weibo.id) for one in (lost, found)]
    await note(db, NOON, keys, Cause.REFUSED)
    await bring_to(db, keys[0], ItemStatus.UNDELIVERABLE)
    row = {
        "order_id": found,
        "platform_id": weibo.id,
        "carrier_id": carrier.id,
        "outcome": ItemStatus.UNBOUND,
        "last_bound_at": NOON,
        "raised_at": NOON,
    }
    for undone_by in (None, restore):
        values = {**row, "id": new_uuid7(NOON), "restore_id": undone_by}
        await db.execute(insert(violations).values(**values))

    async def open_now() -> tuple[int, int]:
        seen = await overview(db, NOON)
        return seen.undeliverable, seen.violations_open

    assert await open_now() == (1, 2)
    await bring_to(db, ItemKey(restore, weibo.id), ItemStatus.RESTORED)
    await bring_to(db, keys[0], ItemStatus.NOT_BOUND)
    assert await open_now() == (0, 1)


async def test_brakes_clearances_and_what_is_not_sealed_are_seen(db: Db) -> None:
    carrier = await a_carrier(db)
    await brakes.engage(db, NOON, None, "launch day", "admin")
    for status in (
        ClearanceStatus.STOPPED,
        ClearanceStatus.DRAFT,
        ClearanceStatus.COMPLETED,
    ):
        await db.execute(
            insert(clearances).values(
                id=new_uuid7(NOON),
                carrier_id=carrier.id,
                status=status,
                created_at=NOON,
                published_at=None if status is ClearanceStatus.DRAFT else NOON,
                deadline=None if status is ClearanceStatus.DRAFT else NOON,
                completed_at=NOON if status is ClearanceStatus.COMPLETED else None,
                stop_reason=StopReason.ACTIVE_AFTER_CUTOFF,
                numbers=1200,
            )
        )
    (seen_first,) = (await overview(db, NOON)).clearances
    for wave, published in ((1, NOON), (2, None)):
        await db.execute(
            insert(clearance_waves).values(
                clearance_id=seen_first.id,
                wave=wave,
                notice_id=new_uuid7(NOON),
                first_place=1,
                last_place=wave,
                numbers=wave * 100,
                due_at=NOON,
                published_at=published,
            )
        )
    await record(db, NOON + MINUTE, Fact("test", "something.happened"))
    await db.execute(insert(audit_seals).values(**_a_seal_before_all))

    seen = await overview(db, NOON)
    assert [one.reason for one in seen.brakes] == ["launch day"]
    (clearance,) = seen.clearances
    assert clearance.stop_reason is StopReason.ACTIVE_AFTER_CUTOFF
    waves = [(one.wave, one.numbers, one.published_at) for one in clearance.waves]
    assert waves == [(1, 100, NOON), (2, 200, None)]
    _has_unsealed(seen)


_a_seal_before_all = {
    "number": 1,
    "last_xid": 1,
    "last_id": new_uuid7(NOON),
    "events": 1,
    "root": b"",
    "previous": b"",
    "sealed_at": NOON - MINUTE,
    "key_id": "a-key",
    "signature": b"",
    "leaves": b"",
}


def _has_unsealed(seen: Overview) -> None:
    assert seen.sealing.last_sealed_at == NOON - MINUTE
    assert seen.sealing.unsealed > 1
    assert seen.sealing.waiting_since == NOON
