"""Does it stay as fast when tables are full and platforms are many?

One database for each case, filled before; then all sides take turns on all of them:
orders that are accepted, read and listed over HTTP, and a backlog for a worker.

With items, the tables hold what settled over a month: so many items with their orders,
holdings, exchanges, audit trail and idempotency keys. Without, they hold what the work
itself needs: nothing but one order where orders are accepted or a backlog is delivered;
fifty where the page that lists them is read, and they themselves. What a reading adds
is deleted after it (but for its exchanges, audit trail and idempotency keys), so that
no case grows from round to round. Callers and receivers run on the last core,
everything else on the others.
"""

import argparse
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import cycle, repeat
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import backlog, past
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.closed_loop import Callers
from benchmarks.frame import Case, Reading, Side, a_parser, asked, measure
from benchmarks.processes import leave_last_cores, running_on
from benchmarks.servers import a_server, settle
from benchmarks.sink import Sink, a_sink
from benchmarks.stack import end, environment_of, run, told_url
from benchmarks.workers import delivered, some_workers
from tests.support.builders import a_key
from tests.support.database import Server
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import open_engine, sql
from unbind_broker.base.ids import new_uuid7
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

SIDES = {
    "deliver": Words("deliver", "投递"),
    "accept": Words("accept", "受理"),
    "read": Words("read an order", "读订单"),
    "list": Words("list orders", "列订单"),
}
ABOUT = About(
    name="growth",
    title=Words("Growth", "数据增长"),
    question=Words(
        "Is it as fast with millions of items in the tables as with none?",
        "表里有数百万明细时，还和空表时一样快吗？",
    ),
    notes=Words(
        "Each case has a database of its own, filled with orders that have settled "
        "over the last month, with their items, holdings, exchanges, audit trail and "
        "idempotency keys; “0” items: one order where orders are accepted or "
        "delivered, fifty where they are read or listed. One worker at max_batch 50 "
        "delivers a backlog, results come inside the answers; items/s. "
        "One serving process, eight callers at once: orders accepted, all orders of "
        "that month read in no order, each with its items, pages of 50 orders listed; "
        "requests/s. "
        "Rows are written as they end up, so tables hold no dead ones. The ratio is "
        "to the case without items and with as many platforms.",
        "每种情形有自己的数据库，预先填入近一个月内已结案的订单及其明细、持号记录、往来"
        "记录、审计与幂等键；“0”明细：受理与投递时只有一个订单，读取与列出时有五十个。"
        "投递：一个工作进程，max_batch 为 50，结果随应答返回，单位条/秒。其余：一个服务"
        "进程、八个并发调用方，分别为受理订单、乱序读取当月全部订单（含明细）、按每页 "
        "50 个列出订单，单位请求/秒。数据按最终形态写入，表中没有死元组。"
        "比值以平台数相同的空表情形为分母。",
    ),
    sides=SIDES,
    parameters={
        "platforms": Words("platforms", "平台数"),
        "items": Words("items in the tables", "表中明细数"),
    },
    measures=(Measure("per_second", Words("items/s or requests/s", "条/秒或请求/秒")),),
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
LISTED = 50
"""Orders of a page."""
WRITING = ("deliver", "accept")
Sides = Mapping[str, Side]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=20.0)
    full = [1_000_000, 10_000_000]
    parser.add_argument("--items", type=int, nargs="+", default=full)
    parser.add_argument("--platforms", type=int, default=100, help="in these cases")
    parser.add_argument("--many", type=int, nargs="*", default=[500, 1000])
    parser.add_argument("--beside", type=int, default=full[0], help="items with many")
    parser.add_argument("--backlog", type=int, default=50_000, help="items delivered")
    parser.add_argument("--seconds", type=float, default=8.0, help="of calls")
    smoke = {"items": [], "platforms": 3, "many": [], "backlog": 30}
    return asked(parser, {**smoke, "seconds": 0.2}, arguments)


@dataclass(frozen=True)
class _Around:
    """What all cases share; callers run on ``cores``, as the sink does."""

    server: Server
    sink: Sink
    cores: frozenset[int]


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Fill a database for each case, with an API in front of it."""
    sizes = [(given.platforms, items) for items in (0, *given.items)]
    sizes += [(many, items) for many in given.many for items in (0, given.beside)]
    async with AsyncExitStack() as ending:
        cores = leave_last_cores(smoke=given.smoke)
        with running_on(cores):
            sink = ending.enter_context(a_sink(reports=True))
        server = await ending.enter_async_context(a_server(smoke=given.smoke))
        around = _Around(server, sink, cores)
        yield [
            Case(
                {"platforms": platforms, "items": items},
                await ending.enter_async_context(
                    _some_case(around, given, platforms, items)
                ),
            )
            for platforms, items in sizes
        ]


@asynccontextmanager
async def _some_case(
    around: _Around, given: argparse.Namespace, platforms: int, items: int
) -> AsyncIterator[Sides]:
    """Give the sides on one database; without items, some on one that has no orders."""
    opened = partial(_filled, around, given, platforms)
    async with opened(items // platforms or LISTED) as sides:
        if items:
            yield sides
            return
        async with opened(0) as bare:
            yield {**sides, **{name: bare[name] for name in WRITING}}


@asynccontextmanager
async def _filled(
    around: _Around, given: argparse.Namespace, platforms: int, orders: int
) -> AsyncIterator[Sides]:
    async with around.server.fresh() as url, AsyncExitStack() as ending:
        engine = open_engine(url, pool=4, application="bench", answer_limit=None)
        ending.push_async_callback(engine.dispose)
        urls = [f"{around.sink.url}/p/{place}" for place in range(platforms)]
        carrier, _ = await backlog.register(engine, urls, 50)
        model = await backlog.a_model(engine, carrier)
        await past.fill(engine, model, orders, platforms)
        async with engine.begin() as db:
            key = (await a_key(db, carrier, now=SystemClock().now())).key
            found = await db.execute(_PAST, {"model": model})
            ids = list(found.scalars().all())
        log = ending.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is left there
        serve = ["serve", "--port", "0", "--json"]
        serving = await run(serve, environment_of(url), log)
        ending.push_async_callback(end, serving)
        ids.sort(key=lambda one: sha256(one.bytes).digest())  # in no order
        one_by_one = (
            f"/v1/orders/{show_order_id(OrderKind.UNBIND, one)}" for one in cycle(ids)
        )
        calls = Callers(await told_url(serving), key, given.seconds, around.cores)
        deliver = partial(
            _deliver, engine, around.sink, model, given.backlog, platforms
        )
        yield {
            "deliver": partial(_taken_back, engine, model, deliver),
            "accept": partial(_taken_back, engine, model, calls.accept),
            "read": partial(calls.read, one_by_one),
            "list": partial(calls.read, repeat(f"/v1/orders?limit={LISTED}")),
        }


async def _taken_back(engine: AsyncEngine, model: UUID, side: Side) -> Reading:
    """Let tables hold afterwards what they held before."""
    reading = await side()
    await past.take_back(engine, model)
    return reading


async def _deliver(
    engine: AsyncEngine, sink: Sink, model: UUID, items: int, platforms: int
) -> Reading:
    """Let a worker deliver a backlog, once it has warmed up on one order."""
    orders = max(1, items // platforms)
    async with some_workers(engine, 1, {}):
        await delivered(engine, sink, 0, model, SECONDS)
        await settle(engine.url.render_as_string(hide_password=False))
        sink.reset()
        first = new_uuid7(SystemClock().now())
        await backlog.release(engine, model, first.int - model.int, orders)
        ended = await delivered(engine, sink, orders * platforms, first, SECONDS)
        began = sink.read()["first"]
    return {"per_second": orders * platforms / (ended - began)}


_PAST = sql("SELECT id FROM orders WHERE id < :model ORDER BY id", model=UUID_TYPE)

if __name__ == "__main__":
    measure(ABOUT, options(), cases)
