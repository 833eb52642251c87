"""How much faster is the worker than what a user would build instead?

The job: an order's items for some platforms, each delivered as a signed webhook to the
same receiver, a row recorded per delivery, retried on failure. The alternatives stand
in benchmarks/alternatives/, each set up as its documentation advises. They are no
dependencies; what is not installed is named and left out::

    pip install -r requirements.txt && pip install --no-deps -e .
    pip install --group alternatives 'dramatiq[redis]' 'psycopg[binary,pool]'

Celery and dramatiq need ``redis-server`` on this machine too.
"""

import argparse
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.alternatives.competitors import COMPETITORS, Competitor
from benchmarks.alternatives.redis_server import PROGRAM, a_redis, find_redis
from benchmarks.alternatives.turns import Turns
from benchmarks.frame import Case, Reading, Side, a_parser, asked, measure
from benchmarks.processes import leave_last_cores
from benchmarks.servers import a_server
from benchmarks.sink import a_sink

RATE = Measure("items_per_second", Words("items/s", "条/秒"))
CPU = Measure("cpu_ms", Words("CPU ms per item", "每条 CPU 毫秒"), 2)
ALL_CPU = Measure(
    "cpu_ms_with_stores",
    Words(
        "CPU ms per item with Postgres and Redis",
        "每条 CPU 毫秒（含 Postgres 和 Redis）",
    ),
    2,
)

ABOUT = About(
    name="alternatives",
    title=Words("Beside the alternatives", "与替代方案对比"),
    question=Words(
        "How much faster is the worker than a general task queue that does the same "
        "job: signed webhooks to 20 endpoints of the same receiver, a row recorded per "
        "delivery, retried on failure?",
        "与完成同样工作的通用任务队列相比，worker 快多少？工作内容：向同一接收端的 "
        "20 个端点发送带签名的 webhook，每次投递记录一行，失败则重试。",
    ),
    notes=Words(
        "Every side has as many worker processes, pinned to as many cores; Postgres "
        "(the same, durable), Redis (as it comes) and the receiver use the other "
        "cores. An alternative sends one item per message: batching by endpoint is "
        "what it does not have. How much each does at once was tried beforehand, and "
        "its best is used. Those on an event loop post by aiohttp on uvloop as our "
        "worker does, unless httpx was asked for; the others by urllib3. In favour of "
        "the alternatives: their messages hold the body ready to be sent, with the "
        "number in the clear, and they write neither attempts nor an audit trail; the "
        "time ends with the last row, not with the last job; a crash of Redis may lose "
        "what it has not written yet. The backlogs differ in size so that each side "
        "works for seconds.",
        "各方的 worker 进程数相同，并绑定到相同数量的核；Postgres（同一实例，持久化"
        "写入）、Redis（默认配置）和接收端使用其余的核。替代方案每条消息只发送一个明细："
        "按端点合并成批正是它们没有的功能。各替代方案的并发数事先试过几档，取最好的一"
        "档。基于事件循环的方案与我们的 worker 一样，在 uvloop 上用 aiohttp 发送（除非"
        "指定了 httpx），其余用 urllib3。以下几点对替代方案有利：消息里直接放着待发送的"
        "正文，号码为明文；不记录投递尝试，也不写审计日志；计时到最后一行写入为止，而"
        "不是最后一个任务结束；Redis 崩溃时可能丢失尚未落盘的数据。各方积压量不同，使每"
        "一方都运行数秒。",
    ),
    sides={
        "batch_1": Words("worker, batch 1", "worker，批量 1"),
        "batch_50": Words("worker, batch 50", "worker，批量 50"),
        "alternative": Words("alternative", "替代方案"),
    },
    parameters={
        "alternative": Words("alternative", "替代方案"),
        "client": Words("posts by", "HTTP 客户端"),
        "at_once": Words("at once", "并发"),
        "processes": Words("processes", "进程"),
    },
    measures=[RATE, CPU, ALL_CPU],
    ratios=[
        Ratio(
            "times_at_1",
            Words("batch 1 by alternative", "批量 1 与替代方案之比"),
            *("items_per_second", "batch_1", "alternative"),
        ),
        Ratio(
            "times_at_50",
            Words("batch 50 by alternative", "批量 50 与替代方案之比"),
            *("items_per_second", "batch_50", "alternative"),
        ),
    ],
    targets=[Target("times_at_1", 5), Target("times_at_50", 50)],
)
_SMOKE = {"platforms": 3, "orders": 8}
_KEPT = 10_000
_FAILS_ONE_IN = 5
_MORE_AT_50 = 10
_HOW = " How to install it: the head of benchmarks/bench_alternatives.py."


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[list[Case]]:
    """Open the stores and the receivers, and find sizes for all sides."""
    async with AsyncExitStack() as opening:
        cores = leave_last_cores(given.processes, smoke=given.smoke)
        program = find_redis()
        found = list(_installed(given.only, with_redis=program is not None))
        if not found and not given.smoke:
            # `make bench` goes on with the other questions.
            _say("There is nothing to measure against.")
            sys.exit()
        server = await opening.enter_async_context(a_server(smoke=given.smoke))
        keeps = _KEPT if given.smoke else 0
        turns = Turns(
            server=server,
            sink=opening.enter_context(a_sink(keeps=keeps)),
            platforms=given.platforms,
            processes=given.processes,
            cores=cores,
            verifies=given.smoke,
            client=given.client,
        )
        if found:  # what they are refused in a smoke test, they must send again
            fails = _FAILS_ONE_IN if given.smoke else 0
            turns.their_sink = opening.enter_context(
                a_sink(keeps=keeps, fails_one_in=fails)
            )
        if program and any(one.uses_redis for one in found):
            turns.redis = await opening.enter_async_context(a_redis(program))
        yield await _Sizing(given, turns).cases(found)


def _installed(names: Iterable[str], *, with_redis: bool) -> Iterable[Competitor]:
    for one in COMPETITORS:
        if one.name not in names:
            continue
        missing = one.missing()
        if missing:
            _say(f"{one.name} is left out, for want of {', '.join(missing)}.{_HOW}")
        elif one.uses_redis and not with_redis:
            _say(f"{one.name} is left out; there is no {PROGRAM} on this machine")
        else:
            yield one


@dataclass(frozen=True)
class _Sizing:
    """Try each side for a moment, so that it then works for some seconds."""

    given: argparse.Namespace
    turns: Turns

    async def cases(self, found: Sequence[Competitor]) -> list[Case]:
        """Pair each alternative with our two sides."""
        few = self.given.orders
        many = few * _MORE_AT_50
        if not found:
            side: Side = lambda: self.turns.ours(many, 50)  # noqa: E731 - a side
            return [Case(self._of("–", "–", 0), {"batch_50": side})]
        at_1, at_50 = few, many
        if not self.given.smoke:
            at_1 = self._sized(few, await self.turns.ours(few, 1))
            at_50 = self._sized(many, await self.turns.ours(many, 50))
        ours: dict[str, Side] = {
            "batch_1": lambda: self.turns.ours(at_1, 1),
            "batch_50": lambda: self.turns.ours(at_50, 50),
        }
        return [await self._case(one, ours) for one in found]

    async def _case(self, one: Competitor, ours: Mapping[str, Side]) -> Case:
        at_once, orders = one.at_once[0], self.given.orders
        if not self.given.smoke:
            at_once, orders = await self._tuned(one)
        side: Side = lambda: self.turns.theirs(one, orders, at_once)  # noqa: E731 - a side
        of = self._of(one.title, one.client or self.turns.client, at_once)
        return Case(of, {**ours, "alternative": side})

    async def _tuned(self, one: Competitor) -> tuple[int, int]:
        """Give how much it best does at once, and how many orders it then gets."""
        found: dict[int, Reading] = {}
        for at_once in one.at_once:
            found[at_once] = await self.turns.theirs(one, self.given.orders, at_once)
            rate = found[at_once]["items_per_second"]
            _say(f"{one.name}, {at_once} at once: {rate:.0f} items/s")
        best = max(found, key=lambda at_once: found[at_once]["items_per_second"])
        if best in {min(found), max(found)}:
            _say(f"{one.name} does best at an end of what was tried: {best} at once")
        return best, self._sized(self.given.orders, found[best])

    def _sized(self, least: int, reading: Reading) -> int:
        seconds: float = self.given.seconds
        platforms: int = self.given.platforms
        return max(least, round(reading["items_per_second"] * seconds / platforms))

    def _of(self, title: str, client: str, at_once: int) -> dict[str, str | int]:
        return {
            "alternative": title,
            "client": client,
            "at_once": at_once,
            "processes": self.turns.processes,
        }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=8.0)
    names = [one.name for one in COMPETITORS]
    parser.add_argument("--platforms", type=int, default=20)
    parser.add_argument(
        "--orders", type=int, default=100, help="at least, and to find the sizes with"
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="how long each side is to work"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--client",
        choices=["aiohttp", "httpx"],
        default="aiohttp",
        help="what those alternatives post with that run on an event loop",
    )
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    return asked(parser, _SMOKE, arguments)


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
