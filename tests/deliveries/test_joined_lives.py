"""Whatever happens to leaders and followers, in any order or at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.joining import a_line, a_number, key_of
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    order_status,
    with_changes,
)
from tests.support.sweeping import sweep
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.callbacks.results import LineStatus, apply
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.joining import promote
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items import service
from unbind_broker.items.item import ItemKey
from unbind_broker.items.joining import pass_on
from unbind_broker.items.states import ENDED_BY_US, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.positions import start_of
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform
from unbind_broker.sending import log_reads
from unbind_broker.sending.frontier import Frontier

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "ask",
                "recheck",
                "send",
                "take",
                "answer",
                "amend",
                "cancel",
                "kill",
                "wait",
            ]
        ),
        st.integers(0, 7),
    ),
    min_size=5,
    max_size=15,
)


class Life:
    """Queries are short: two minutes pass at a time, and ten are their deadline.

    Of two carriers one repeats its own queries, and each follows the other one's.
    """

    def __init__(self, db: Db, carriers: list[Carrier], platform: Platform) -> None:
        self.db = db
        self.carriers = carriers
        self.platform = platform
        self.now = NOON
        self.ids: list[OrderId] = []
        self.sent: dict[OrderId, int] = {}

    async def step(self, name: str, which: int) -> None:
        if name in {"ask", "recheck"}:
            await self.ask(recheck=name == "recheck")
        elif name == "wait":
            self.now += timedelta(minutes=2)
            await self.settle(await expire_overdue(self.db, self.now, 100))
        elif self.ids:
            chosen = self.ids[which % len(self.ids)]
            verb: Callable[[OrderId], Awaitable[None]] = getattr(self, name)
            await verb(chosen)

    async def ask(self, *, recheck: bool) -> None:
        wanted = asked(OrderKind.QUERY, now=self.now)
        wanted = with_changes(wanted, recheck=recheck)
        carrier = self.carriers[len(self.ids) // 2 % 2]
        self.ids.append(await an_order(self.db, carrier, wanted, now=self.now))

    async def send(self, _: OrderId) -> None:
        """Send what any of the readers would send."""
        found = await self.waiting()
        for order_id in found:
            self.sent[order_id] = self.sent.get(order_id, 0) + 1
        keys = [key_of(order_id, self.platform) for order_id in found]
        await service.count_attempts(self.db, keys)

    async def waiting(self) -> set[OrderId]:
        tail = await log_reads.read_tail(self.db, Frontier(start_of(0)), 100)
        fresh = {row.position.order_id for row in tail.rows if row.platforms}
        endpoint = (await self.db.execute(select(endpoints.c.id))).scalar_one()
        due = await queue.due(self.db, self.now, {endpoint: 100})
        fresh |= {one.subject.subject_id for one in due}
        in_time = {order_id for order_id in fresh if await self.is_in_time(order_id)}
        return {OrderId(order_id) for order_id in in_time}

    async def is_in_time(self, order_id: Any) -> bool:
        found = await self.db.execute(
            select(orders.c.deadline).where(orders.c.id == order_id)
        )
        return bool(found.scalar_one() > self.now)

    async def take(self, order_id: OrderId) -> None:
        await self.report(order_id, "acknowledged")

    async def answer(self, order_id: OrderId) -> None:
        await self.report(order_id, "not_bound")

    async def amend(self, order_id: OrderId) -> None:
        await self.report(order_id, "refused", reason="legal_hold", amend=True)

    async def report(self, order_id: OrderId, outcome: str, **fields: object) -> None:
        if order_id not in self.sent:
            return
        line: Any = a_line(order_id, outcome, **fields)
        line["id"] = line["id"].replace("ord_", "qry_")
        applied = await apply(self.db, self.now, self.platform.id, [line], APPLYING)
        assert applied.answers[0].status is not LineStatus.UNKNOWN
        await self.settle(applied.touched)

    async def cancel(self, order_id: OrderId) -> None:
        await call_back(self.db, self.now, [order_id], Reason.BY_CARRIER, "test")

    async def kill(self, order_id: OrderId) -> None:
        if order_id in self.sent:
            key = key_of(order_id, self.platform)
            await self.settle(await self._dead(key))

    async def _dead(self, key: Any) -> set[Any]:
        ended = await service.mark_undeliverable(self.db, self.now, [key])
        await queue.stop_sending(self.db, ended)
        followers = await pass_on(self.db, self.now, ended)
        await promote(self.db, self.now, ended)
        return followers | {one.order_id for one in ended}

    async def settle(self, touched: Any) -> None:
        await settle(self.db, self.now, touched)

    async def check(self) -> None:
        rows = {row.order_id: row for row in await self.rows()}
        waiting = await self.waiting()
        for order_id, row in rows.items():
            if row.follows is None:
                leaves = row.status is not ItemStatus.QUEUED or row.attempts
                assert leaves or order_id in waiting or row.deadline <= self.now
                continue
            leader = rows[row.follows]
            assert leader.follows is None
            assert leader.followed
            assert leader.order_id < order_id
            assert order_id not in waiting
            assert order_id not in self.sent
            if not row.status.is_final:
                assert row.order_status in OPEN
                assert leader.status is row.status
                assert row.acknowledged_at is None or leader.acknowledged_at
            elif row.status not in ENDED_BY_US:
                assert leader.status is row.status

    async def rows(self) -> list[Any]:
        found = await self.db.execute(
            select(items, orders.c.deadline, orders.c.status.label("order_status"))
            .join(orders, orders.c.id == items.c.order_id)
            .order_by(items.c.order_id)
        )
        return list(found)


@settings(max_examples=60, deadline=None)
@given(_STEPS)
async def test_nobody_is_left_behind_and_nobody_sent_while_it_follows(
    shared_engine: AsyncEngine, steps: list[tuple[str, int]]
) -> None:
    async with shared_engine.connect() as db, db.begin() as opened:
        carriers = [await a_carrier(db), await a_carrier(db, "china-unicom")]
        life = Life(db, carriers, await a_reachable_platform(db))
        for name, which in [("ask", 0), ("send", 0), ("ask", 0), *steps]:
            await life.step(name, which)
            await life.check()
        await opened.rollback()


class Crowd:
    """Carriers that ask about two numbers, platforms that answer, all at once."""

    def __init__(
        self, engine: AsyncEngine, carriers: list[Carrier], platforms: list[Platform]
    ) -> None:
        self.engine = engine
        self.carriers = carriers
        self.platforms = platforms
        self.ids: list[OrderId] = []
        self.chance = random.Random(7)  # noqa: S311 - the same every time

    async def ask(self) -> None:
        carrier = self.chance.choice(self.carriers)
        kind = self.chance.choice([OrderKind.QUERY, OrderKind.UNBIND])
        wanted = asked(kind, number=a_number(self.chance.randrange(2)))
        async with self.engine.begin() as db:
            made = await an_order(db, carrier, wanted)
        self.ids.append(made)

    async def report(self) -> None:
        platform = self.chance.choice(self.platforms)
        outcome = self.chance.choice(["not_bound", "not_bound", "acknowledged"])
        lines: list[Any] = []
        for order_id in self.some():
            line: Any = a_line(order_id, outcome)
            lines += [line, {**line, "id": line["id"].replace("ord_", "qry_")}]
        async with self.engine.begin() as db:
            applied = await apply(db, NOON, platform.id, lines, APPLYING)
        async with self.engine.begin() as db:
            await settle(db, NOON, applied.touched)

    async def take(self) -> None:
        """Record that requests were answered, as a worker does."""
        platform = self.chance.choice(self.platforms)
        async with self.engine.begin() as db:
            keys = [key_of(order_id, platform) for order_id in self.some()]
            keys = [key for key in keys if await _leads(db, key)]
            taken = (await service.acknowledge(db, NOON, keys)).followed
            await pass_on(db, NOON, taken)

    async def cancel(self) -> None:
        async with self.engine.begin() as db:
            await call_back(db, NOON, self.some(), Reason.BY_CARRIER, "test")

    async def sweep(self) -> None:
        async with self.engine.begin() as db:
            await sweep(db, NOON)

    async def expire(self) -> None:
        """Let the queries of this moment be overdue for whoever looks."""
        async with self.engine.begin() as db:
            await expire_overdue(db, NOON + timedelta(minutes=10), 3)

    def some(self) -> list[OrderId]:
        recent = self.ids[-12:]
        return self.chance.sample(recent, min(len(recent), 5))


async def _leads(db: Db, key: ItemKey) -> bool:
    found = await db.execute(
        select(items.c.follows).where(
            items.c.order_id == key.order_id, items.c.platform_id == key.platform_id
        )
    )
    return found.scalar_one() is None


async def test_nobody_waits_for_a_follower_that_somebody_holds(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        leader = await an_order(db, carrier)
        follower = await an_order(db, carrier)
    line = a_line(leader, "not_bound")
    async with engine.connect() as holding, holding.begin() as held:
        await service.lock(holding, [key_of(follower, platform)])
        async with engine.begin() as db:
            await db.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            applied = await apply(db, NOON, platform.id, [line], APPLYING)
        assert applied.touched == {leader}
        await held.rollback()
    for _ in range(2):
        async with engine.begin() as db:
            await sweep(db, NOON)
    async with engine.connect() as db:
        assert await order_status(db, follower) is OrderStatus.COMPLETED


async def test_whatever_meets_never_deadlocks_and_leaves_nobody_behind(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carriers = [await a_carrier(db, f"carrier-{place}") for place in range(3)]
        platforms = [await a_reachable_platform(db, f"platform-{n}") for n in range(3)]
    crowd = Crowd(engine, carriers, platforms)
    verbs = [crowd.ask, crowd.ask, crowd.ask, crowd.report, crowd.report]
    verbs += [crowd.take, crowd.cancel, crowd.sweep, crowd.expire]
    for _ in range(40):
        await asyncio.gather(*(verb() for verb in verbs))
    await crowd.sweep()
    await crowd.sweep()
    leader = items.alias("leader")
    async with engine.connect() as db:
        joined = await db.execute(
            select(
                items.c.status, leader.c.status.label("led_by"), leader.c.follows
            ).join(
                leader,
                (leader.c.order_id == items.c.follows)
                & (leader.c.platform_id == items.c.platform_id),
            )
        )
        rows = joined.all()
        statuses = (
            await db.execute(
                select(orders.c.status, items.c.status).join(
                    items, items.c.order_id == orders.c.id
                )
            )
        ).all()
    assert len(rows) > len(crowd.ids)
    assert [row for row in rows if row.follows is not None] == []
    behind = [one for one in rows if not one.status.is_final and one.led_by.is_final]
    assert behind == []
    assert [one for one in statuses if one[0] not in OPEN and not one[1].is_final] == []
