"""Every platform is listed with how it stands and how quickly it answers."""

from datetime import timedelta

from sqlalchemy import insert

from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import add
from unbind_broker.platforms.tables import World
from unbind_broker.statistics import roll
from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.measures import BOUNDS, Family, Measure
from unbind_broker.statistics.roll import (
    Answered,
    Pace,
    call_roll,
    find_enrolled,
    read_answered,
    read_paces,
)
from unbind_broker.statistics.standing import Standing
from unbind_broker.statistics.tables import platform_days

TODAY = NOON.date()
DAY = timedelta(days=1)
THREE_DAYS = Period(TODAY - 2 * DAY, TODAY)


async def test_roll_says_how_each_platform_stands(db: Db) -> None:
    await a_platform(db, "ctrip")
    endpoint = (await an_endpoint(db, await a_platform(db, "weibo"))).endpoint
    await an_endpoint(db, await a_platform(db, "didi"), disabled="answered 410 Gone")
    hour = timedelta(hours=1)
    health = Health(
        Condition.OPEN,
        NOON,
        open_until=NOON + hour,
        last_success_at=NOON - 2 * hour,
        failing_since=NOON - hour,
        failures=12,
        last_error="answered 503",
    )
    await health_store.save(db, {endpoint.id: health})

    ctrip, didi, weibo = await call_roll(db)
    assert (ctrip.slug, ctrip.standing) == ("ctrip", Standing.NOT_READY)
    assert (didi.standing, didi.error) == (Standing.DISABLED, "answered 410 Gone")
    assert weibo.standing is Standing.BREAKER_OPEN
    assert (weibo.since, weibo.failing_since) == (NOON, NOON - hour)
    assert (weibo.failures, weibo.error) == (12, "answered 503")
    assert (weibo.last_success_at, weibo.open_until) == (NOON - 2 * hour, NOON + hour)
    assert [one.slug for one in await call_roll(db, most=1)] == ["ctrip"]


async def test_roll_is_of_real_platforms_but_each_is_found_by_name(db: Db) -> None:
    profile = Profile(name_zh="甲", name_en="A", category="social", sensitive=False)
    await add(db, NOON, "made-up", profile, "test", world=World.SANDBOX)
    await a_reachable_platform(db)
    assert [one.slug for one in await call_roll(db)] == ["weibo"]
    found = await find_enrolled(db, "made-up")
    assert found is not None
    assert found.standing is Standing.NOT_READY
    assert await find_enrolled(db, "nobody") is None


async def test_pace_is_that_of_the_period(db: Db) -> None:
    weibo = (await a_platform(db, "weibo")).id
    jd = (await a_platform(db, "jd")).id
    await count(db, weibo, 0, {Measure.IN_TIME: 2, Measure.NOT_IN_TIME: 1})
    await count(db, weibo, 2, {Measure.IN_TIME: 1, Family.ACKNOWLEDGEMENT + 9: 100})
    await count(db, weibo, 3, {Measure.NOT_IN_TIME: 50, Family.ACKNOWLEDGEMENT: 9000})
    await count(db, weibo, 1, {Family.RESULT: 5, Measure.ASKED: 7})

    paces = await read_paces(db, THREE_DAYS, [weibo, jd])
    assert set(paces) == {weibo}
    pace = paces[weibo]
    assert pace.punctuality == 0.75
    assert pace.acknowledged_within is not None
    assert BOUNDS[8] < pace.acknowledged_within < BOUNDS[9]
    assert await read_paces(db, THREE_DAYS, []) == {}


async def test_times_that_were_never_counted_are_not_told(db: Db) -> None:
    weibo = (await a_platform(db)).id
    await count(db, weibo, 0, {Measure.IN_TIME: 1})
    assert await read_paces(db, THREE_DAYS, [weibo]) == {weibo: Pace(None, 1.0)}


async def test_each_day_says_what_was_answered(db: Db) -> None:
    weibo = (await a_platform(db)).id
    await count(db, weibo, 0, {Measure.IN_TIME: 2, Measure.NOT_IN_TIME: 1})
    await count(db, weibo, 2, {Measure.NOT_IN_TIME: 4})
    await count(db, weibo, 3, {Measure.IN_TIME: 9})
    assert await read_answered(db, THREE_DAYS, weibo) == (
        Answered(TODAY - 2 * DAY, 0, 4),
        Answered(TODAY - DAY, 0, 0),
        Answered(TODAY, 2, 1),
    )


async def test_figures_are_looked_up_by_platform_and_day(db: Db) -> None:
    days = {"since": THREE_DAYS.since, "until": THREE_DAYS.until}
    for plan in (
        await plan_of(db, roll._PACES, {**days, "platforms": [1, 2]}),
        await plan_of(db, roll._ANSWERED, {**days, "platform": 1}),
    ):
        assert "platform_days_pkey" in plan
        assert "Seq Scan" not in plan


async def count(
    db: Db, platform: PlatformId, days_ago: int, sums: dict[int, int]
) -> None:
    rows = [
        {
            "platform_id": platform,
            "day": TODAY - days_ago * DAY,
            "kind": 1,
            "measure": measure,
            "n": n,
        }
        for measure, n in sums.items()
    ]
    await db.execute(insert(platform_days), rows)
