"""How fast are orders accepted, beside pgbench with the statements that they cost?

Callers post orders about numbers that nobody asked about, each connection its next one
as soon as it has its answer. Then pgbench runs the transaction that the service was
seen to run for such an order, as often, on the same database. Every order, item, log
row, holding and audit event is counted afterwards.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import pgbench
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.open_loop import STARTING, Load, run_loads
from benchmarks.processes import computed, computed_by_family
from benchmarks.same_statements import script_of, statements_of_an_order
from benchmarks.servers import postmaster, settle
from benchmarks.stack import Shape, Stack, a_stack
from unbind_broker.audit.tables import audit_events
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import order_log, orders

ABOUT = About(
    name="accept",
    title=Words("Accept", "受理"),
    question=Words(
        "How many orders for 64 and for 200 platforms do 1, 2 and 4 processes accept a "
        "second over HTTP, beside pgbench running the same statements?",
        "1、2、4 个服务进程通过 HTTP 每秒受理多少个面向 64 个、200 个平台的订单？"
        "对照是用 pgbench 运行同样的语句。",
    ),
    notes=Words(
        "pgbench runs the statements of the order's transaction as the service sent "
        "them: the same tables, rows, round trips and settings of a connection, one "
        "COMMIT that waits for the disk. Ids and the number's index are made by "
        "expressions inside the statements; all other values are constants there, "
        "which spares pgbench the binding. It neither speaks HTTP nor looks up a key, "
        "checks a request, seals a number or reads an answer. Callers, processes, "
        "pgbench and Postgres share the cores; what the callers compute is told, and "
        "pgbench's own part with it. As many orders are under way on either side; "
        "pgbench's connections are new each time and plan their statements first.",
        "pgbench 运行的是服务实际发出的订单事务语句："
        "表、行数、往返次数和连接设置都相同，"
        "COMMIT 同样等待落盘。各 ID 和号码索引由语句内的表达式生成，其余值都写成常量，"
        "pgbench 因此省去了参数绑定。它不处理 HTTP，不查密钥，不校验请求，不加密号码，"
        "也不解读结果。调用方、各进程、pgbench 和 Postgres 共用 CPU 核；"
        "表中给出调用方和 pgbench 自身的开销。两边同时处理的订单数相同；"
        "pgbench 每次都新建连接，要先规划语句。",
    ),
    sides={
        "broker": Words("service", "本服务"),
        "pgbench": Words("pgbench", "pgbench"),
    },
    parameters={
        "platforms": Words("platforms", "平台"),
        "serves": Words("processes", "进程"),
    },
    measures=(
        Measure("orders_per_second", Words("orders/s", "单/秒")),
        Measure("cpu_us_per_order", Words("own CPU, µs an order", "自身 CPU，微秒/单")),
        Measure(
            "postgres_us_per_order",
            Words("Postgres's CPU, µs an order", "Postgres CPU，微秒/单"),
        ),
        Measure(
            "caller_us_per_order",
            Words("callers' CPU, µs an order", "调用方 CPU，微秒/单"),
        ),
    ),
    ratios=(
        Ratio(
            "of_pgbench",
            Words("service to pgbench", "本服务与 pgbench 之比"),
            "orders_per_second",
            "broker",
            "pgbench",
        ),
    ),
    targets=(Target("of_pgbench", 0.6, {"platforms": 200, "serves": 4}),),
)
ACCEPTED = 202
COUNTED = {
    "orders": orders,
    "items": items,
    "order_log": order_log,
    "holdings": holdings,
    "audit_events": audit_events,
}


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3)
    parser.add_argument("--platforms", type=int, nargs="+", default=[64, 200])
    parser.add_argument("--serves", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--clients", type=int, default=16, help="orders under way")
    parser.add_argument("--items", type=int, default=240_000, help="for each reading")
    parser.add_argument("--starting", type=float, default=STARTING, help="seconds")
    smoke = {"platforms": [3], "serves": [1], "clients": 2, "items": 30}
    return asked(parser, {**smoke, "starting": 0.3}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Start the most processes that are asked for; a case has callers at some."""
    shape = Shape(
        serves=max(given.serves), workers=0, settings={"UNBIND_ACCEPT_TARGET": "1h"}
    )
    async with AsyncExitStack() as ending:
        found = []
        for platforms in given.platforms:
            started = a_stack(replace(shape, platforms=platforms), smoke=given.smoke)
            stack = await ending.enter_async_context(started)
            accepting = await _accepting(stack, platforms, given)
            found += [
                Case(
                    {"platforms": platforms, "serves": serves},
                    {
                        "broker": partial(accepting.by_broker, serves),
                        "pgbench": accepting.by_pgbench,
                    },
                )
                for serves in given.serves
            ]
        yield found


async def _accepting(
    stack: Stack, platforms: int, given: argparse.Namespace
) -> "_Accepting":
    """Warm every process up, and see what an order costs."""
    statements = await statements_of_an_order(stack.engine, stack.keys[0])
    accepting = _Accepting(stack, platforms, given, script_of(statements), count(1))
    if not given.smoke:
        await accepting.call(len(stack.urls), 20 * given.clients)
    return accepting


@dataclass
class _Accepting:
    stack: Stack
    platforms: int
    given: argparse.Namespace
    script: str
    turns: "count[int]"
    called: int = 0

    @property
    def orders(self) -> int:
        """Give each client as many orders as every other."""
        clients: int = self.given.clients
        each: int = ceil(self.given.items / self.platforms / clients)
        return each * clients

    async def by_broker(self, serves: int) -> Reading:
        """Post orders to so many of the processes."""
        before, father = await self._ready()
        pids = [one.pid for one in self.stack.serves[:serves]]
        used, spent = computed(*pids), computed_by_family(father)
        seconds, calling = await self.call(serves, self.orders)
        used, spent = computed(*pids) - used, computed_by_family(father) - spent
        await self._check(before)
        return {
            "orders_per_second": self.orders / seconds,
            "cpu_us_per_order": used / self.orders * 1e6,
            "postgres_us_per_order": spent / self.orders * 1e6,
            "caller_us_per_order": calling / self.orders * 1e6,
        }

    async def by_pgbench(self) -> Reading:
        """Run the same statements without the service."""
        before, father = await self._ready()
        spent = computed_by_family(father)
        first = next(self.turns) * 10**9
        ran = await pgbench.run(
            self.stack.engine, self.script, self.given.clients, self.orders, first
        )
        spent = computed_by_family(father) - spent
        await self._check(before)
        return {
            "orders_per_second": ran.rate,
            "cpu_us_per_order": ran.computed / self.orders * 1e6,
            "postgres_us_per_order": spent / self.orders * 1e6,
        }

    async def call(self, serves: int, how_many: int) -> tuple[float, float]:
        """Post orders; return how long that took and what the callers computed."""
        load = Load(
            urls=self.stack.urls[:serves],
            keys=self.stack.keys,
            rate=1e6,
            seconds=how_many / 1e6,
            connections=self.given.clients,
            numbers_from=self.called,
            starting=self.given.starting,
        )
        self.called += how_many
        (answers,) = await asyncio.to_thread(run_loads, [load])
        refused = [status for status in answers.status if status != ACCEPTED]
        if refused or len(answers.status) != how_many:
            raise AssertionError(f"{how_many} orders sent, refused: {set(refused)}")
        took = zip(answers.due, answers.latency, strict=True)
        last = max(due + latency for due, latency in took)
        return last - answers.late, answers.computed

    async def _ready(self) -> tuple[dict[str, int], int]:
        await settle(self.stack.database_url)
        engine = self.stack.engine
        return await _counted(engine), await postmaster(engine)

    async def _check(self, before: dict[str, int]) -> None:
        after = await _counted(self.stack.engine)
        added = {name: after[name] - before[name] for name in after}
        one = dict.fromkeys(COUNTED, 1) | {
            "items": self.platforms,
            "audit_events": 2,
        }
        expected = {name: rows * self.orders for name, rows in one.items()}
        if added != expected:
            raise AssertionError(f"rows expected: {expected}, added: {added}")


async def _counted(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as db:
        return {
            name: (
                await db.execute(select(func.count()).select_from(table))
            ).scalar_one()
            for name, table in COUNTED.items()
        }


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
