"""Reports of 1,000 lines: how near to one plain statement for each do they come?

Some platforms of many report at once, each about the same orders, as fast as they are
answered: interim states, results, signed results. Every order has as many items as
there are platforms, and ends with its last one; carriers are told so. Then a platform
that fetches takes its items 200 at a time, by one caller and by two. Whoever calls
runs on the last core, everything else on the others.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from uuid import UUID

from sqlalchemy import text

from benchmarks import backlog
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.fetching import fetch_all
from benchmarks.figures import percentiles
from benchmarks.frame import Case, Reading, a_parser, measure
from benchmarks.frame import asked as read_options
from benchmarks.plain_results import Updating, update_all
from benchmarks.processes import computed, leave_last_cores
from benchmarks.result_callers import Reporting, report_all
from benchmarks.servers import plain_dsn
from benchmarks.stack import Shape, Stack, a_stack
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.order_builders import an_order, asked
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import UUIDS, sql
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.states import ItemStatus

ABOUT = About(
    name="results",
    title=Words("Results in bulk", "批量结果"),
    question=Words(
        "How many lines of reports a second, beside one plain UPDATE for each report?",
        "每秒能处理多少行上报？与每份上报只执行一条 UPDATE 相比如何？",
    ),
    notes=Words(
        "Eight platforms report at once, 1,000 lines each, about "
        "the same orders. The plain side sets the same columns of as many items by "
        "one `UPDATE … FROM unnest` for each report, over as many connections: it "
        "reads no JSON, judges nothing, settles no order and keeps no trail. A "
        "platform that fetches reads pages of 200 items and takes them. Lines for "
        "each second that the process computed do not depend on what else ran.",
        "八个平台同时上报，每份 1,000 行，针对同一批订单。对照方对同样多"
        "的明细写同样的列，每份上报一条 `UPDATE … FROM unnest`，连接数相同：不解析 "
        "JSON、不作判断、不结案、不留审计。拉取的平台每页读 200 条并确认收到。“每 CPU "
        "秒行数”以服务进程自身的计算时间为准，与机器上的其他负载无关。",
    ),
    sides={
        "service": Words("service", "本服务"),
        "plain": Words("plain UPDATE", "单条 UPDATE"),
    },
    parameters={
        "what": Words("what", "内容"),
        "serves": Words("serving processes", "服务进程数"),
    },
    measures=(
        Measure("lines_per_second", Words("lines/s", "行/秒")),
        Measure("lines_per_computed_second", Words("lines/CPU s", "行/CPU 秒")),
        Measure("p50_ms", Words("p50 of a report, ms", "单份 p50，毫秒"), 1),
        Measure("p99_ms", Words("p99 of a report, ms", "单份 p99，毫秒"), 1),
    ),
    ratios=(
        Ratio(
            "of_plain",
            Words("of plain UPDATE", "与单条 UPDATE 之比"),
            "lines_per_second",
            "service",
            "plain",
        ),
    ),
    targets=(Target("of_plain", 0.5),),
)
SEED = b"a benchmark's seed of thirty-two"
KEY = PrivateKey(SEED)
PATIENCE = 60.0
REPORTS = {
    "interim": ("action_required", False),
    "results": ("unbound", False),
    "signed results": ("unbound", True),
}
FETCHES = {"fetched by 1": 1, "fetched by 2": 2}


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--platforms", type=int, default=64)
    parser.add_argument("--at-once", type=int, default=8, help="that report")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--only", nargs="*", help="what to measure")
    parser.add_argument("--serves", type=int, nargs="+", default=[1, 4])
    smoke = {"orders": 12, "platforms": 3, "at_once": 2, "lines": 5, "serves": [2]}
    only = ["signed results", "fetched by 1"]
    return read_options(parser, {**smoke, "only": only}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name what is reported, and what is fetched."""
    cores = leave_last_cores(smoke=given.smoke)
    shape = Shape(platforms=1, serves=max(given.serves), workers=0)
    async with a_stack(shape, smoke=given.smoke) as stack:
        run = _Run(stack, given, cores)
        yield [
            *(
                Case(
                    {"what": name, "serves": serves},
                    {
                        "service": partial(
                            run.report, outcome, serves, is_signed=is_signed
                        ),
                        "plain": partial(run.update, outcome),
                    },
                )
                for name, (outcome, is_signed) in REPORTS.items()
                for serves in given.serves
                if given.only is None or name in given.only
            ),
            *(
                Case(
                    {"what": name, "serves": 1},
                    {"service": partial(run.fetch, callers)},
                )
                for name, callers in FETCHES.items()
                if given.only is None or name in given.only
            ),
        ]


@dataclass(frozen=True)
class _Some:
    """Orders that are under way at platforms, with the keys of these."""

    keys: tuple[str, ...]
    platforms: tuple[int, ...]
    orders: tuple[UUID, ...]


class _Run:
    """One service, and what is reported to it one part after the other."""

    def __init__(
        self, stack: Stack, given: argparse.Namespace, cores: frozenset[int]
    ) -> None:
        self.stack = stack
        self.given = given
        self.cores = cores
        self.made = 0

    async def report(
        self, outcome: str, serves: int, *, is_signed: bool = False
    ) -> Reading:
        """Report one outcome for every item that there is to so many processes."""
        signed = KEY if is_signed else None
        some = await self._some(self.given.platforms, taken=True, signed=signed)
        reporting = Reporting(
            urls=self.stack.urls[:serves],
            keys=some.keys,
            orders=some.orders,
            name=f"part-{self.made}",
            outcome=outcome,
            lines=self.given.lines,
            at_once=self.given.at_once,
            signed_by=SEED if is_signed else None,
            cores=self.cores,
        )
        await self._warm_up(reporting)
        before = self._computed()
        reported = await asyncio.to_thread(report_all, reporting)
        used, lines = self._computed() - before, len(some.orders) * len(some.keys)
        if reported.refused or reported.lines != {"recorded": lines}:
            raise AssertionError(f"{lines} recorded lines expected: {reported.lines}")
        if outcome == "unbound":
            await self._completed(some.orders)
        spread = percentiles(reported.latency)
        return {
            **_rates(lines, reported.seconds, used),
            "p50_ms": spread["p50_ms"],
            "p99_ms": spread["p99_ms"],
        }

    async def update(self, outcome: str) -> Reading:
        """Set as many items by one statement for each report."""
        some = await self._some(self.given.platforms, taken=True)
        updating = Updating(
            url=plain_dsn(self.stack.database_url),
            platforms=some.platforms,
            orders=some.orders,
            is_final=outcome == "unbound",
            lines=self.given.lines,
            at_once=self.given.at_once,
            cores=self.cores,
        )
        updated = await asyncio.to_thread(update_all, updating)
        lines = len(some.orders) * len(some.platforms)
        if updated.items != lines:
            raise AssertionError(f"{lines} items expected, {updated.items} were set")
        spread = percentiles(updated.latency)
        return {
            "lines_per_second": lines / updated.seconds,
            "p50_ms": spread["p50_ms"],
            "p99_ms": spread["p99_ms"],
        }

    async def _warm_up(self, reporting: Reporting) -> None:
        """Let the processes answer once before, about what nobody knows."""
        nobodys = tuple(UUID(int=place) for place in range(4))
        first = replace(reporting, orders=nobodys, lines=1, name="warm-up")
        await asyncio.to_thread(report_all, first)

    async def fetch(self, callers: int) -> Reading:
        """Let one platform fetch its items and take them, until there are none."""
        some = await self._some(1, taken=False, delivery=Delivery.PULL)
        before, started = self._computed(), monotonic()
        taken = await fetch_all(self.stack.urls[0], some.keys[0], callers)
        seconds, used = monotonic() - started, self._computed() - before
        if taken != len(some.orders):
            raise AssertionError(f"{len(some.orders)} items expected, {taken} taken")
        return _rates(taken, seconds, used)

    async def _some(
        self,
        platforms: int,
        *,
        taken: bool,
        delivery: Delivery = Delivery.PUSH,
        signed: PrivateKey | None = None,
    ) -> _Some:
        """Make platforms of their own, and orders that have items at all of them."""
        now = SystemClock().now()
        self.made += 1
        async with self.stack.engine.begin() as db:
            await db.execute(text("UPDATE endpoints SET verified_at = NULL"))
            keys, numbers = [], []
            for place in range(platforms):
                made = await a_platform(db, f"of-part-{self.made}-{place}")
                public = signed and signed.public.text
                await an_endpoint(
                    db, made, delivery=delivery, result_public_key=public, now=now
                )
                keys.append((await a_key(db, made)).key)
                numbers.append(int(made.id))
            carrier = await a_carrier(db, f"carrier-of-part-{self.made}")
            model = await an_order(db, carrier, asked(now=now), now=now)
            ids = [UUID(int=model.int + place) for place in range(self.given.orders)]
            await backlog.copy(db, model, ids[1:])
            if delivery is Delivery.PULL:
                await backlog.let_go(db, ids[1:])
            if taken:
                await db.execute(_TAKE, {"ids": ids})
        plain = self.stack.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with plain.connect() as db:
            await db.execute(text("VACUUM ANALYZE orders, items"))
        return _Some(tuple(keys), tuple(numbers), tuple(ids))

    async def _completed(self, orders: tuple[UUID, ...]) -> None:
        """Wait until all of these have ended."""
        async with asyncio.timeout(PATIENCE), self.stack.engine.connect() as db:
            while True:
                found = await db.execute(_COMPLETED, {"ids": list(orders)})
                if found.scalar_one() == len(orders):
                    return
                await db.rollback()
                await asyncio.sleep(0.05)

    def _computed(self) -> float:
        """Give the seconds that the process has computed so far."""
        return computed(*(one.pid for one in self.stack.serves))


def _rates(lines: int, seconds: float, used: float) -> dict[str, float]:
    return {
        "lines_per_second": lines / seconds,
        "lines_per_computed_second": lines / max(used, 0.01),
    }


_TAKE = sql(
    f"UPDATE items SET status = {ItemStatus.ACKNOWLEDGED.code}, attempts = 1, "  # noqa: S608 - an enum code
    "acknowledged_at = now() WHERE order_id = ANY(:ids)",
    ids=UUIDS,
)
_COMPLETED = sql(
    "SELECT count(*) FROM orders WHERE id = ANY(:ids) AND completed_at IS NOT NULL",
    ids=UUIDS,
)

if __name__ == "__main__":
    measure(ABOUT, options(), cases)
