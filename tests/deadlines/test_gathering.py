"""Carriers hear how their orders get on, gathered, and only of what they can see."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.news import news
from tests.support.order_builders import a_reachable_platform, an_order, asked
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId, Prefix, format_id
from unbind_broker.callbacks.results import apply
from unbind_broker.deadlines.gathering import take_in, tell_gathered
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.notices.changes import note_changed
from unbind_broker.notices.ending import settle
from unbind_broker.notices.tables import order_changes, order_updates
from unbind_broker.orders.states import OrderStatus, Scope
from unbind_broker.orders.tables import orders

EVERY = timedelta(seconds=30)
SOON = NOON + timedelta(seconds=1)
DUE = SOON + EVERY


class Case:
    """An order of a carrier that wants everything; one platform is sensitive."""

    def __init__(self, db: Db, order_id: OrderId, slugs: dict[str, PlatformId]) -> None:
        self.db = db
        self.order_id = order_id
        self.slugs = slugs

    async def report(
        self, slug: str, outcome: str, now: datetime = NOON, **more: Any
    ) -> None:
        if outcome == "unbound":
            more = {"removed": 1, "last_bound_at": "2025-01-01T00:00:00Z", **more}
        line = {"id": format_id(Prefix.ORDER, self.order_id), "outcome": outcome}
        applied = await apply(
            self.db, now, self.slugs[slug], [{**line, **more}], APPLYING
        )
        assert applied.answers[0].status == "recorded"
        await settle(self.db, now, applied.touched)

    async def gather(self, now: datetime) -> list[dict[str, Any]]:
        """What is told by then, in all."""
        await take_in(self.db, now, EVERY, 100)
        await tell_gathered(self.db, now, 100)
        return await news(self.db, "order.updated")


@pytest.fixture
async def case(db: Db) -> Case:
    carrier = await a_carrier(db)
    await an_endpoint(db, carrier)
    slugs = {}
    for slug in ("weibo", "taobao", "dating"):
        platform = await a_reachable_platform(db, slug, sensitive=slug == "dating")
        slugs[slug] = platform.id
    return Case(db, await an_order(db, carrier, asked(reference="R")), slugs)


async def test_changes_wait_for_an_interval_and_are_told_together(case: Case) -> None:
    await case.report("weibo", "acknowledged")
    assert await case.gather(SOON) == []
    await case.report("taobao", "unbound", SOON)
    assert await case.gather(DUE - timedelta(microseconds=1)) == []
    (told,) = await case.gather(DUE)
    assert told["data"]["status"] == "in_progress"
    assert told["data"]["completed_at"] is None
    assert told["data"]["summary"] == {"total": 2, "acknowledged": 1, "unbound": 1}
    assert told["data"]["sensitive"] == {"total": 1, "finished": 0}


async def test_an_order_is_told_of_once_in_an_interval(case: Case) -> None:
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    assert len(await case.gather(DUE)) == 1
    await case.report("weibo", "unbound", DUE)
    assert len(await case.gather(DUE + EVERY - timedelta(seconds=1))) == 1
    assert len(await case.gather(DUE + 2 * EVERY)) == 2


async def test_nothing_is_told_where_nothing_changed(case: Case) -> None:
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    await case.gather(DUE)
    assert len(await case.gather(DUE + 9 * EVERY)) == 1
    left = await case.db.execute(select(order_updates))
    assert left.all() == []


async def test_what_is_over_by_then_is_no_news(case: Case) -> None:
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    for slug in case.slugs:
        await case.report(slug, "not_bound", SOON)
    assert await case.gather(DUE) == []
    assert len(await news(case.db, "order.completed")) == 1


async def test_a_result_that_comes_in_after_the_end_is_news(case: Case) -> None:
    for slug in case.slugs:
        await case.report(slug, "not_bound")
    await case.gather(SOON)
    later = NOON + timedelta(hours=1)
    await case.report("weibo", "unbound", later, amend=True)
    await case.gather(later)
    (told,) = await case.gather(later + EVERY)
    assert told["data"]["status"] == "completed"
    assert told["data"]["completed_at"] == "2026-11-20T04:00:00Z"
    assert told["data"]["summary"] == {"total": 2, "not_bound": 1, "unbound": 1}


@pytest.mark.parametrize("outcome", ["in_progress", "not_bound", "unbound", "refused"])
async def test_how_a_sensitive_platform_answers_is_no_news(
    case: Case, outcome: str
) -> None:
    await case.report("dating", "acknowledged")
    await case.gather(SOON)
    (told,) = await case.gather(DUE)
    assert told["data"]["sensitive"] == {"total": 1, "finished": 1}
    more = {"reason": "legal_hold"} if outcome == "refused" else {}
    await case.report("dating", outcome, DUE, **more)
    noted = await case.db.execute(select(order_changes))
    assert noted.all() == []
    assert len(await case.gather(DUE + 2 * EVERY)) == 1


async def test_the_holders_own_sensitive_platforms_are_news(case: Case) -> None:
    await case.report("dating", "acknowledged")
    await case.db.execute(update(orders).values(scope=Scope.CURRENT_OWNER))
    await case.report("dating", "not_bound", SOON)
    await case.gather(SOON)
    (told,) = await case.gather(DUE)
    assert told["data"]["summary"] == {"total": 3, "queued": 2, "not_bound": 1}


@pytest.mark.parametrize(
    "change", [{"event_types": ["order.completed"]}, {"verified_at": None}]
)
async def test_whoever_gets_no_webhook_of_it_reads_it_in_the_feed(
    case: Case, change: dict[str, object]
) -> None:
    own = update(endpoints).where(endpoints.c.carrier_id.is_not(None))
    await case.db.execute(own.values(change))
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    assert len(await case.gather(DUE)) == 1
    sent = deliveries.c.event == EventType.ORDER_UPDATED
    assert (await case.db.execute(select(deliveries).where(sent))).all() == []


async def test_orders_that_no_carrier_sees_are_left_out(case: Case) -> None:
    await case.db.execute(update(orders).values(hidden=True))
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    assert await case.gather(DUE) == []


async def test_a_held_order_under_the_brake_is_told_of(case: Case) -> None:
    await case.report("weibo", "acknowledged")
    await case.gather(SOON)
    await case.db.execute(update(orders).values(status=OrderStatus.HELD))
    (told,) = await case.gather(DUE)
    assert told["data"]["status"] == "held"


async def test_steps_are_bounded_and_lose_nothing(case: Case, db: Db) -> None:
    for _ in range(5):
        await note_changed(db, NOON, [case.order_id])
    taken = [await take_in(db, SOON, EVERY, 2) for _ in range(4)]
    assert taken == [2, 2, 1, 0]
    assert len(await case.gather(DUE)) == 1


async def test_a_change_that_commits_late_is_not_skipped(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await an_endpoint(db, carrier)
        await a_reachable_platform(db)
        late = await an_order(db, carrier)
        early = await an_order(db, carrier)
    async with engine.connect() as slow, slow.begin() as under_way:
        await note_changed(slow, NOON, [late])
        async with engine.begin() as db:
            await note_changed(db, NOON, [early])
            assert await take_in(db, SOON, EVERY, 10) == 1
        await under_way.commit()
    async with engine.begin() as db:
        assert await take_in(db, SOON, EVERY, 10) == 1
        assert await tell_gathered(db, DUE, 10) == 2
        told = {one["data"]["order_id"] for one in await news(db)}
    assert told == {format_id(Prefix.ORDER, one) for one in (late, early)}
