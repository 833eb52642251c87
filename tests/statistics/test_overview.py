"""An administrator sees how the broker stands, in one read, whatever there is."""

from datetime import timedelta

from sqlalchemy import insert, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import orders_of_their_own
from tests.support.order_builders import a_reachable_platform, bring_to
from unbind_broker.audit.tables import audit_seals
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers import brakes
from unbind_broker.carriers.tables import carriers
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.tables import clearance_waves, clearances
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.undelivered import note
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import add
from unbind_broker.platforms.tables import World
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
