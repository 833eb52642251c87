"""What the database says is read now and then, at little cost, and never made up."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.metrics.exposed import scrape
from tests.support.app import a_runtime, in_process
from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import a_reachable_platform, an_order, asked
from tests.support.waiting import eventually
from unbind_broker.base.database import Db, open_engine
from unbind_broker.base.ids import new_uuid7
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers import brakes
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.tables import clearances
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.states import ItemStatus
from unbind_broker.metrics import reads
from unbind_broker.metrics.figures import FRESH, Figures
from unbind_broker.metrics.reads import READS, Asked, tell_platforms
from unbind_broker.metrics.samples import Samples
from unbind_broker.orders.states import OrderKind
from unbind_broker.runtime.opening import FIGURES_LIMIT
from unbind_broker.settings import Settings
from unbind_broker.statistics.standing import Standing

pytestmark = pytest.mark.real_time(0.5)

ZONE = Settings(_env_file=None).zone
LATER = NOON + timedelta(minutes=11)


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def read_all(db: Db) -> dict[str, Samples]:
    told: dict[str, Samples] = {}
    for read in READS:
        told.update(await read(db, Asked(LATER, ZONE)))
    return told


async def test_empty_broker_has_figures_too(db: Db) -> None:
    told = await read_all(db)
    assert told["unbind_workers"] == {(): 0}
    assert told["unbind_seal_lag_seconds"] == {(): 0}
    assert told["unbind_backlog_age_seconds"] == {}
    assert "unbind_invariant_checked_age_seconds" not in told


async def test_platforms_are_told_by_condition_and_backlog(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "jd")
    ill = await an_endpoint(db, await a_platform(db, "weibo"))
    health = Health(Condition.OPEN, since=NOON)
    await health_store.save(db, {ill.endpoint.id: health})
    await an_endpoint(db, await a_platform(db, "mi"), paused_by=PausedBy.ADMIN)
    await an_order(db, carrier, asked(OrderKind.QUERY, now=NOON), now=NOON)

    told = await read_all(db)
    assert told["unbind_platform_condition"] == {
        ("jd",): 0,
        ("mi",): 4,
        ("weibo",): 2,
    }
    ages = told["unbind_backlog_age_seconds"]
    assert ages == {("jd",): 660, ("mi",): 0, ("weibo",): 660}
    standings = told["unbind_platforms"]
    assert (standings["breaker_open",], standings["paused",]) == (1, 1)
    assert told["unbind_open_items"]["queued",] == 3
    assert told["unbind_open_orders"]["in_progress",] == 1
    assert told["unbind_overdue_items"] == {(): 3}
    assert told["unbind_endpoints_without_owner"] == {(): 3}
    assert told["unbind_seal_lag_seconds"][()] == 660


def test_platforms_beyond_the_bound_are_told_together() -> None:
    stands = {
        "a-1": Standing.HEALTHY,
        "b-2": Standing.DEGRADED,
        "c-3": Standing.BREAKER_OPEN,
        "d-4": Standing.HEALTHY,
    }
    told = tell_platforms(stands, {"a-1": 5.0, "c-3": 60.0, "d-4": 9.0}, most=2)
    assert told["unbind_platform_condition"] == {
        ("a-1",): 0,
        ("b-2",): 1,
        ("other",): 2,
    }
    assert told["unbind_backlog_age_seconds"] == {
        ("a-1",): 5,
        ("b-2",): 0,
        ("other",): 60,
    }
    assert told["unbind_platforms"]["healthy",] == 2


async def test_brakes_violations_and_stopped_clearances_are_told(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await brakes.engage(db, NOON, carrier.id, "wrong dates", "test")
    await brakes.engage(db, NOON, None, "wrong dates", "test")
    for days in (0, 3):
        raised = NOON - timedelta(days=days)
        await db.execute(
            violations.insert().values(
                id=new_uuid7(raised),
                order_id=order_id,
                platform_id=platform.id,
                carrier_id=carrier.id,
                outcome=ItemStatus.UNBOUND,
                last_bound_at=NOON,
                raised_at=raised,
            )
        )
    for status in (ClearanceStatus.STOPPED, ClearanceStatus.DRAFT):
        stopped = status is ClearanceStatus.STOPPED
        await db.execute(
            clearances.insert().values(
                id=new_uuid7(NOON),
                carrier_id=carrier.id,
                status=status,
                created_at=NOON,
                published_at=NOON if stopped else None,
                deadline=NOON if stopped else None,
                stopped_at=NOON if stopped else None,
                stop_reason=StopReason.ACTIVE_AFTER_CUTOFF if stopped else None,
            )
        )
    told = await read_all(db)
    assert told["unbind_brakes_engaged"] == {("all",): 1, ("carrier",): 1}
    assert told["unbind_violations_open"] == {(): 2}
    assert told["unbind_violations_last_day"] == {(): 1}
    assert told["unbind_clearances_stopped"] == {(): 1}


async def test_transaction_that_stays_open_is_seen(engine: AsyncEngine) -> None:
    async def age() -> float:
        async with engine.connect() as db:
            return float(await db.scalar(reads.OLDEST_TRANSACTION))

    async with engine.begin() as forgotten:
        await forgotten.execute(text("SELECT pg_current_xact_id()"))
        first = await age()

        async def is_older() -> bool:
            return await age() > first

        await eventually(is_older)


def counted(engine: AsyncEngine) -> list[str]:
    said: list[str] = []

    def note(*call: object) -> None:
        said.append(str(call[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    return said


async def test_many_scrapers_cost_one_read_in_fifteen_seconds(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    seconds, said = Seconds(), counted(engine)
    readers = engine.execution_options(isolation_level="AUTOCOMMIT")
    told = Figures(readers, clock.now, ZONE, seconds)
    await asyncio.gather(*(told.refresh() for _ in range(20)))
    of_one = len(said)
    seconds.now += FRESH - 1
    await told.refresh()
    assert len(said) == of_one
    assert told.tell()["unbind_database_figures_age_seconds"] == {(): FRESH - 1}
    seconds.now += 1
    await told.refresh()
    assert len(said) == 2 * of_one


async def test_process_tells_its_own_figures_while_the_database_is_away(
    clock: FixedClock,
) -> None:
    engine = open_engine(
        "postgresql+asyncpg://x@127.0.0.1:9/x", pool=1, application="t"
    )
    async with in_process(a_runtime(engine, clock)) as api:
        told = await scrape(api)
    await engine.dispose()
    assert told.sum("unbind_database_up") == 0
    assert told.sum("unbind_orders_accepted_total") == 0
    assert told.of("unbind_open_items") == []


async def test_nothing_old_is_told_once_the_database_is_away(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    seconds, is_away = Seconds(), False

    async def read(_: Db, __: Asked) -> dict[str, Samples]:
        if is_away:
            raise OperationalError("", {}, OSError(), connection_invalidated=True)
        return {"unbind_workers": {(): 7}}

    async def is_there(_: Db, __: Asked) -> dict[str, Samples]:
        return {"unbind_queue_age_seconds": {(): 5}}

    told = Figures(engine, clock.now, ZONE, seconds, [is_there, read])
    await told.refresh()
    before = told.tell()
    is_away = True
    seconds.now += FRESH
    await told.refresh()
    assert before["unbind_workers"] == {(): 7}
    assert told.tell()["unbind_database_up"] == {(): 0}
    assert not {"unbind_workers", "unbind_queue_age_seconds"} & set(told.tell())


async def test_statement_that_is_given_up_leaves_out_its_own_figures_alone(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async def slow(db: Db, _: Asked) -> dict[str, Samples]:
        cancelled = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(600)"
        await db.execute(text(cancelled))  # as the server does after its limit
        return {"unbind_workers": {(): 7}}

    async def quick(db: Db, _: Asked) -> dict[str, Samples]:
        return {"unbind_queue_age_seconds": {(): await db.scalar(text("SELECT 5"))}}

    readers = engine.execution_options(isolation_level="AUTOCOMMIT")
    told = Figures(readers, clock.now, ZONE, reads=[slow, quick])
    await told.refresh()
    assert told.tell()["unbind_database_up"] == {(): 1}
    assert told.tell()["unbind_queue_age_seconds"] == {(): 5}
    assert "unbind_workers" not in told.tell()


async def test_server_itself_gives_slow_statements_up(database_url: str) -> None:
    limited = open_engine(
        database_url, pool=1, application="tests", statement_limit=FIGURES_LIMIT
    )
    async with limited.connect() as db:
        assert await db.scalar(text("SHOW statement_timeout")) == "2s"
    await limited.dispose()
