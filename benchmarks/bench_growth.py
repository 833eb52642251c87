"""Does it stay as fast when tables are full and platforms are many?

One database for each case, filled before; then all sides take turns on all of them:
orders that are accepted, read and listed over HTTP, and a backlog for a worker.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from time import monotonic
from uuid import UUID

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import backlog, past
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.servers import a_server, settle
from benchmarks.sink import Sink, a_sink
from benchmarks.stack import end, environment_of, run, told_url
from benchmarks.workers import delivered, some_workers
from tests.support.builders import a_key
from tests.support.database import Server
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import open_engine, sql
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

SIDES = {
    "deliver": Words("deliver", "投递"),
    "accept": Words("accept", "受理"),
    "read": Words("read an order", "读工单"),
    "list": Words("list orders", "列工单"),
}
ABOUT = About(
    name="growth",
    title=Words("Growth", "数据增长"),
    question=Words(
        "Is it as fast with millions of items in the tables as with none?",
        "表里有数百万条目时，还和空表时一样快吗？",
    ),
    notes=Words(
        "Each case has a database of its own, filled with orders that have settled "
        "over the last month, with their items, holdings, exchanges, audit trail and "
        "idempotency keys; “0” items stand for a hundred such orders. One worker at "
        "max_batch 50 delivers a backlog, results come inside the answers; items/s. "
        "One serving process, eight callers at once: orders accepted, orders of that "
        "month read with all their items, pages of 50 orders listed; requests/s. "
        "Rows are written as they end up, so tables hold no dead ones. The ratio is "
        "to the case without items and with as many platforms.",
        "每种情形有自己的数据库，预先填入近一个月内已结案的工单及其条目、持号记录、往来"
        "记录、审计与幂等键；“0”条目指只有一百个这样的工单。投递：一个工作进程，"
        "max_batch 为 50，结果随应答返回，单位条/秒。其余：一个服务进程、八个并发调用"
        "方，分别为受理工单、读取当月工单（含全部条目）、按每页 50 个列出工单，单位请求"
        "/秒。数据按最终形态写入，表中没有死元组。比值以平台数相同的空表情形为分母。",
    ),
    sides=SIDES,
    parameters={
        "platforms": Words("platforms", "平台数"),
        "items": Words("items in the tables", "表中条目数"),
    },
    measures=(Measure("per_second", Words("per second", "每秒")),),
    ratios=tuple(
        Ratio(
            f"{name}_to_empty",
            Words(f"{words.en}: to the empty one", f"{words.zh}：与空表之比"),
            "per_second",
            name,
            name,
            {"items": 0},
        )
        for name, words in SIDES.items()
    ),
    targets=tuple(
        Target(f"{name}_to_empty", 0.8, {"items": 10_000_000}) for name in SIDES
    ),
)
SECONDS = 120.0
CALLERS = 8
READ = 500
"""Orders that are read in turns."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=8.0)
    full = [1_000_000, 10_000_000]
    parser.add_argument("--items", type=int, nargs="+", default=full)
    parser.add_argument("--platforms", type=int, default=100, help="in these cases")
    parser.add_argument("--many", type=int, nargs="*", default=[500, 1000])
    parser.add_argument("--beside", type=int, default=full[0], help="items with many")
    parser.add_argument("--backlog", type=int, default=50_000, help="items delivered")
    parser.add_argument("--seconds", type=float, default=3.0, help="of calls")
    smoke = {"items": [], "platforms": 3, "many": [], "backlog": 30}
    return asked(parser, {**smoke, "seconds": 0.2}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Fill a database for each case, with an API in front of it."""
    sizes = [(given.platforms, items) for items in (0, *given.items)]
    sizes += [(many, items) for many in given.many for items in (0, given.beside)]
    async with AsyncExitStack() as ending:
        server = await ending.enter_async_context(a_server(smoke=given.smoke))
        sink = ending.enter_context(a_sink(reports=True))
        yield [
            Case(
                {"platforms": platforms, "items": items},
                await ending.enter_async_context(
                    _filled(server, sink, given, platforms, items)
                ),
            )
            for platforms, items in sizes
        ]


@asynccontextmanager
async def _filled(
    server: Server, sink: Sink, given: argparse.Namespace, platforms: int, items: int
) -> AsyncIterator[dict[str, Callable[[], Awaitable[Reading]]]]:
    async with server.fresh() as url, AsyncExitStack() as ending:
        engine = open_engine(url, pool=4, application="bench", answer_limit=None)
        ending.push_async_callback(engine.dispose)
        urls = [f"{sink.url}/p/{place}" for place in range(platforms)]
        carrier, _ = await backlog.register(engine, urls, 50)
        model = await backlog.a_model(engine, carrier)
        await past.fill(engine, model, items, platforms)
        async with engine.begin() as db:
            key = (await a_key(db, carrier, now=SystemClock().now())).key
            found = await db.execute(_SOME, {"model": model})
            some = list(found.scalars().all())
        log = ending.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is left there
        serve = ["serve", "--port", "0", "--json"]
        serving = await run(serve, environment_of(url), log)
        ending.push_async_callback(end, serving)
        orders = max(1, given.backlog // platforms)
        delivering = _Delivering(engine, sink, carrier, model, orders, platforms)
        calls = _Calls(await told_url(serving), key, given.seconds)
        paths = [f"/v1/orders/{show_order_id(OrderKind.UNBIND, one)}" for one in some]
        yield {
            "deliver": delivering.deliver,
            "accept": calls.accept,
            "read": partial(calls.read, paths[:: max(1, len(paths) // READ)]),
            "list": partial(calls.read, ["/v1/orders?limit=50"]),
        }


@dataclass
class _Delivering:
    """A worker that is started for each reading, on one of the databases."""

    engine: AsyncEngine
    sink: Sink
    carrier: Carrier
    start: UUID
    orders: int
    platforms: int
    numbers: Iterator[int] = field(default_factory=lambda: count(2000))

    async def deliver(self) -> Reading:
        """Let a worker deliver what was accepted meanwhile, then a backlog."""
        # Workers try their keys on the newest number, and copies have none of theirs.
        number = PhoneNumber(f"+861380000{next(self.numbers):04}")
        model = await backlog.a_model(self.engine, self.carrier, number)
        first, expected = UUID(int=model.int + 1), self.orders * self.platforms
        async with some_workers(self.engine, 1, {}):
            await delivered(self.engine, self.sink, 0, self.start, SECONDS)
            await settle(self.engine.url.render_as_string(hide_password=False))
            self.sink.reset()
            await backlog.release(self.engine, model, 1, self.orders)
            ended = await delivered(self.engine, self.sink, expected, first, SECONDS)
            began = self.sink.read()["first"]
        return {"per_second": expected / (ended - began)}


@dataclass
class _Calls:
    """Callers of the API who ask as fast as they are answered."""

    url: str
    key: str
    seconds: float
    numbers: Iterator[int] = field(default_factory=lambda: count(10**7))

    async def accept(self) -> Reading:
        """Place orders, each about a number of its own."""
        consent = show_instant(SystemClock().now())

        async def place(http: aiohttp.ClientSession) -> None:
            # Valid mobile numbers, made up here and kept nowhere.
            number = f"+861{39}{next(self.numbers):08}"
            asked_for = {
                "number": number,
                "owner_since": "2025-03-01",
                "consent": {"method": "sms_otp", "at": consent},
            }
            async with http.post("/v1/orders", json=asked_for) as answer:
                await _expect(answer, 202)

        return await self._all(place)

    async def read(self, paths: Sequence[str]) -> Reading:
        """Read these in turns."""
        turns = cycle(paths)

        async def read(http: aiohttp.ClientSession) -> None:
            async with http.get(next(turns)) as answer:
                await _expect(answer, 200)

        return await self._all(read)

    async def _all(
        self, call: Callable[[aiohttp.ClientSession], Awaitable[None]]
    ) -> Reading:
        done, headers = 0, {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as http:
            await call(http)
            began = monotonic()

            async def caller() -> None:
                nonlocal done
                while monotonic() - began < self.seconds:
                    await call(http)
                    done += 1

            await asyncio.gather(*(caller() for _ in range(CALLERS)))
            return {"per_second": done / (monotonic() - began)}


async def _expect(answer: aiohttp.ClientResponse, status: int) -> None:
    said = await answer.read()
    if answer.status != status:
        raise AssertionError(f"{status} expected, {answer.status} came: {said[:200]!r}")


_SOME = sql("SELECT id FROM orders WHERE id < :model ORDER BY id", model=UUID_TYPE)

if __name__ == "__main__":
    measure(ABOUT, options(), cases)
