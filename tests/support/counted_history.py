"""A history that anything may happen in, counted by hand while it happens."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.counted_rows import BY_US, Row, punctuality, rows_of
from tests.support.guards import APPLYING, INSIDE, OUTSIDE
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    with_changes,
)
from tests.support.undeliverable import pass_deadlines, refuse_payload
from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId, Prefix, format_id
from unbind_broker.callbacks.results import LineStatus, apply
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.intake.requeuing import AskedRequeue, requeue
from unbind_broker.items.item import ItemKey
from unbind_broker.items.service import acknowledge
from unbind_broker.items.states import REFUSALS, ItemStatus, Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OPEN, OrderKind
from unbind_broker.orders.tables import disputes, orders
from unbind_broker.statistics.measures import ALL_TOGETHER, BOUNDS, Family, Measure
from unbind_broker.statistics.tables import platform_days

ZONE = "Asia/Shanghai"
UNTIMED = Family.ACKNOWLEDGEMENT
"""Families from here on are classes of time; ``times`` has them."""

_ANSWERS: dict[OrderKind, tuple[dict[str, Any], ...]] = {
    OrderKind.QUERY: (
        {"outcome": "bound", "bindings": 1, "last_bound_at": INSIDE},
        {"outcome": "not_bound"},
        {"outcome": "refused", "reason": "bound_at_unknown"},
    ),
    OrderKind.UNBIND: (
        {"outcome": "unbound", "removed": 1, "last_bound_at": INSIDE},
        {"outcome": "unbound", "removed": 2, "last_bound_at": OUTSIDE},
        {"outcome": "not_bound"},
        {"outcome": "in_progress"},
        {"outcome": "refused", "reason": "legal_hold"},
        {"outcome": "refused", "reason": "active_after_cutoff"},
    ),
    OrderKind.RESTORE: ({"outcome": "restored"}, {"outcome": "not_bound"}),
}
_PREFIXES = {OrderKind.QUERY: Prefix.QUERY}

Key = tuple[int, date, int, int]
"""Platform, day, kind, measure: what a sum is kept under."""


@dataclass
class History:
    """Orders over three platforms, and the sums that a list kept by hand comes to."""

    engine: AsyncEngine
    dice: Random
    carrier: Carrier
    platforms: list[PlatformId]
    now: datetime = NOON
    sums: Counter[Key] = field(default_factory=Counter)
    times: list[tuple[PlatformId, Family, float]] = field(default_factory=list)
    numbers: int = 0
    _settled: set[UUID] = field(default_factory=set)
    _counted: set[ItemKey] = field(default_factory=set)
    _again: set[ItemKey] = field(default_factory=set)
    _undone: set[ItemKey] = field(default_factory=set)

    @classmethod
    async def begun(cls, engine: AsyncEngine, seed: int) -> Self:
        async with engine.begin() as db:
            carrier = await a_carrier(db)
            names = ("douyin", "jd", "weibo")
            platforms = [
                (await a_reachable_platform(db, name, sensitive=name == "jd")).id
                for name in names
            ]
        dice = Random(seed)  # noqa: S311 - a history to be repeated
        return cls(engine, dice, carrier, platforms)

    def classes(self, family: Family) -> Counter[tuple[int, int]]:
        """Platforms and classes of the times that were taken."""
        return Counter(
            (platform, bisect_right(BOUNDS, took))
            for platform, what, took in self.times
            if what is family
        )

    async def go_on(self) -> None:
        """Let one thing happen, and write down what is to be counted of it."""
        self.now += timedelta(seconds=self.dice.choice((0.03, 2, 40, 7_000, 60_000)))
        deeds = (self._place, self._take, self._report, self._report, self._report)
        rarer = (self._dispute, self._cancel, self._refuse_payload, self._requeue)
        deed = self.dice.choice((*deeds, *deeds, *rarer, self._let_time_pass))
        await deed()
        await pass_deadlines(self.engine, self.now)
        await self._look()

    async def _place(self) -> None:
        kind = self.dice.choice((OrderKind.QUERY, OrderKind.UNBIND))
        place = self.dice.choice((self.numbers, self.numbers, 0))
        self.numbers += 1
        wanted = asked(kind, number=a_number(place), now=self.now)
        async with self.engine.begin() as db:
            await an_order(db, self.carrier, wanted, now=self.now)

    async def _dispute(self) -> None:
        place = self.dice.randrange(self.numbers + 1)
        wanted = asked(number=a_number(place), now=self.now)
        about = with_changes(wanted, recheck=True)
        async with self.engine.begin() as db:
            order_id = await an_order(db, self.carrier, about, now=self.now)
            found = await db.execute(
                select(disputes.c.platform_id).where(disputes.c.order_id == order_id)
            )
            for platform in found.scalars():
                self._add(platform, 0, Measure.DISPUTE)

    async def _take(self) -> None:
        keys = [row.key for row in await rows_of(self.engine, ItemStatus.QUEUED)]
        chosen = self.dice.sample(keys, min(len(keys), 3))
        if chosen:
            async with self.engine.begin() as db:
                await acknowledge(db, self.now, sorted(chosen))

    async def _report(self) -> None:
        rows = await rows_of(self.engine)
        if not rows:
            return
        row = self.dice.choice(rows)
        prefix = _PREFIXES.get(row.kind, Prefix.ORDER)
        line = {
            "id": format_id(prefix, row.key.order_id),
            **self.dice.choice(_ANSWERS[row.kind]),
            "amend": self.dice.random() < 0.3,
        }
        platform = PlatformId(row.key.platform_id)
        async with self.engine.begin() as db:
            before = await _count_violations(db)
            applied = await apply(db, self.now, platform, [line], APPLYING)
            raised = await _count_violations(db) - before
        async with self.engine.begin() as db:
            await settle(db, self.now, applied.touched)
        self._add(platform, 0, Measure.VIOLATION, raised)
        self._note(row, line, applied.answers[0].status)

    def _note(self, row: Row, line: dict[str, Any], told: LineStatus) -> None:
        if told is LineStatus.CONFLICT:
            self._add(row.key.platform_id, 0, Measure.CONFLICT)
        if told is not LineStatus.RECORDED or not row.status.is_final:
            return
        kind, platform = row.kind.code, row.key.platform_id
        if row.status not in BY_US:
            self._add(platform, kind, Measure.AMENDED)
        elif row.key in self._counted:
            status = ItemStatus(line["outcome"])
            self._add(platform, kind, Family.OUTCOME + status.code)
            if row.status is not ItemStatus.CANCELLED:
                self._add(platform, kind, Measure.LATE)
            if "reason" in line:
                reason = Reason(line["reason"])
                self._add(platform, kind, Family.REFUSAL + reason.code)
            if status is ItemStatus.RESTORED:
                self._add(platform, kind, Measure.UNDONE)

    async def _cancel(self) -> None:
        async with self.engine.begin() as db:
            found = await db.execute(
                select(orders.c.id).where(orders.c.status.in_(OPEN))
            )
            open_now = sorted(found.scalars())
        if open_now:
            async with self.engine.begin() as db:
                chosen = [self.dice.choice(open_now)]
                await call_back(db, self.now, chosen, Reason.BY_CARRIER, "test")

    async def _refuse_payload(self) -> None:
        keys = [row.key for row in await rows_of(self.engine, ItemStatus.QUEUED)]
        if keys:
            await refuse_payload(self.engine, self.now, self.dice.choice(keys))

    async def _requeue(self) -> None:
        keys = [row.key for row in await rows_of(self.engine, ItemStatus.UNDELIVERABLE)]
        wanted = AskedRequeue(keys, WantedItems(), None, dry_run=False, spread=None)
        async with self.engine.begin() as db:
            await requeue(db, self.now, wanted, "test")
        for row in await rows_of(self.engine, ItemStatus.QUEUED):
            if row.key in self._counted:
                self._counted.discard(row.key)
                self._again.add(row.key)
                self._settled.discard(row.key.order_id)

    async def _let_time_pass(self) -> None:
        self.now += timedelta(days=self.dice.choice((1, 9)))

    async def _look(self) -> None:
        """Count the items of orders that are over and were not when last looked at."""
        async with self.engine.begin() as db:
            found = await db.execute(
                select(orders.c.id).where(orders.c.status.not_in(OPEN))
            )
            over = set(found.scalars()) - self._settled
        self._settled |= over
        for row in await rows_of(self.engine):
            if row.key.order_id in over and row.key not in self._counted:
                self._counted.add(row.key)
                self._end(row)

    def _end(self, row: Row) -> None:
        if row.status is ItemStatus.CANCELLED and not row.was_sent:
            return
        platform, kind = row.key.platform_id, row.kind.code
        answered = row.status not in BY_US
        measures: list[int] = [Measure.ASKED, Family.OUTCOME + row.status.code]
        if row.acknowledged_at is not None:
            measures.append(Measure.ACKNOWLEDGED)
        measures += punctuality(row)
        if row.reason in REFUSALS:
            measures.append(Family.REFUSAL + row.reason.code)
        if row.status is ItemStatus.RESTORED:
            measures.append(Measure.UNDONE)  # here every restore order undoes one
        for measure in measures:
            self._add(platform, kind, measure)
        if row.key not in self._again:
            self._time(row, answered=answered)

    def _time(self, row: Row, *, answered: bool) -> None:
        platform = PlatformId(row.key.platform_id)
        if row.acknowledged_at is not None:
            taken = (row.acknowledged_at - row.created_at).total_seconds()
            self.times.append((platform, Family.ACKNOWLEDGEMENT, taken))
        if answered and row.finished_at is not None:
            took = (row.finished_at - row.created_at).total_seconds()
            self.times.append((platform, Family.RESULT, took))

    def _add(self, platform: int, kind: int, measure: int, count: int = 1) -> None:
        day = self.now.astimezone(ZoneInfo(ZONE)).date()
        if count:
            self.sums[platform, day, kind, measure] += count


async def sums_of(engine: AsyncEngine) -> Counter[Key]:
    """What the broker has counted of platforms."""
    of_platforms = platform_days.c.platform_id != ALL_TOGETHER
    async with engine.begin() as db:
        found = await db.execute(select(platform_days).where(of_platforms))
    return Counter(
        {(one.platform_id, one.day, one.kind, one.measure): one.n for one in found}
    )


def untimed(sums: Counter[Key]) -> Counter[Key]:
    """Leave classes of time out."""
    return Counter({key: n for key, n in sums.items() if key[3] < UNTIMED})


async def _count_violations(db: Db) -> int:
    return len((await db.execute(select(violations.c.id))).all())
