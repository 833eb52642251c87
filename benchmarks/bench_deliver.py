"""How fast does one worker deliver, beside the client it uses and a bare protocol?

Each reading of the worker: a fresh database, a worker in a process of its own that has
its endpoints, then a backlog that falls due in one transaction. Time runs from the
receiver's first request to the last record. Then both clients post one of the worker's
own requests again and again, until at least as many items have been answered.
"""

import argparse
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.bare_clients import post_by_aiohttp, post_by_protocol
from benchmarks.certificates import write_certificate
from benchmarks.delivering import Trial
from benchmarks.frame import Case, a_parser, asked, measure
from benchmarks.servers import a_server
from benchmarks.sink import a_sink

ABOUT = About(
    name="deliver",
    title=Words("Deliver", "投递"),
    question=Words(
        "How many items does one worker deliver a second, beside the HTTP client that "
        "it uses (aiohttp) and a bare asyncio protocol which post the same bytes to "
        "the same receiver?",
        "一个工作进程每秒投递多少明细？对照是它所用的 HTTP 客户端（aiohttp）"
        "和裸 asyncio 协议，两者向同一接收端发送同样的字节。",
    ),
    notes=Words(
        "The worker reads its items from Postgres, opens each number, signs, sends, "
        "judges the answer and records it; the clients do none of that: they repeat "
        "one request that the worker has sent. All keep 4 connections to each "
        "endpoint, run on uvloop in a process of their own, and share the machine with "
        "Postgres (which writes durably) and the receiver, one process. What the "
        "receiver computes limits the bare protocol: see its share of a core. Batches "
        "that are not full (few items for each endpoint) cost the worker more requests "
        "than the clients send.",
        "工作进程要从 Postgres 读取明细、解封号码、签名、发送、判断应答并记录结果；"
        "两个客户端只是反复发送工作进程发过的同一个请求。"
        "各方对每个端点都保持 4 个连接，都在独立进程里运行 uvloop，"
        "并与 Postgres（持久落盘）和单进程的接收端共用一台机器。"
        "裸协议受接收端自身开销限制，参见接收端占核。每个端点的明细较少时批次装不满，"
        "工作进程的请求数会多于两个客户端。",
    ),
    sides={
        "worker": Words("worker", "工作进程"),
        "aiohttp": Words("its client", "所用客户端"),
        "protocol": Words("bare protocol", "裸协议"),
    },
    parameters={
        "batch": Words("max_batch", "max_batch"),
        "endpoints": Words("endpoints", "端点"),
        "tls": Words("TLS", "TLS"),
    },
    measures=(
        Measure("items_per_second", Words("items/s", "条/秒")),
        Measure(
            "cpu_us_per_item", Words("own CPU, µs an item", "自身 CPU，微秒/条"), 1
        ),
        Measure(
            "postgres_us_per_item",
            Words("Postgres's CPU, µs an item", "Postgres CPU，微秒/条"),
            1,
        ),
        Measure("receiver_cores", Words("receiver's cores", "接收端占核"), 2),
        Measure("items_per_request", Words("items a request", "每请求条数")),
    ),
    ratios=(
        Ratio(
            "of_client",
            Words("worker to its client", "工作进程与所用客户端之比"),
            "items_per_second",
            "worker",
            "aiohttp",
        ),
        Ratio(
            "of_protocol",
            Words("worker to bare protocol", "工作进程与裸协议之比"),
            "items_per_second",
            "worker",
            "protocol",
        ),
        Ratio(
            "of_batch_1",
            Words("worker to its batch 1", "工作进程与其批量 1 之比"),
            "items_per_second",
            "worker",
            "worker",
            at={"batch": 1},
        ),
    ),
    targets=(
        Target("of_client", 0.65, {"batch": 1}),
        Target("of_protocol", 0.12, {"batch": 1}),
        Target("of_batch_1", 10, {"batch": 50}),
        Target("of_batch_1", 20, {"batch": 200}),
    ),
)
KEPT = 200


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=10.0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--endpoints", type=int, nargs="*", default=[1, 20, 200])
    parser.add_argument(
        "--tls-endpoints", type=int, nargs="*", default=[20], help="with TLS, too"
    )
    parser.add_argument("--requests", type=int, default=4000, help="for each reading")
    parser.add_argument("--items", type=int, default=160_000, help="at the most")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each client")
    smoke = {"batches": [3], "endpoints": [], "tls_endpoints": [2], "requests": 12}
    return asked(parser, {**smoke, "seconds": 0.2}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name batch sizes by numbers of endpoints, some of them with TLS."""
    kept = given.requests * max(given.batches) if given.smoke else KEPT
    async with AsyncExitStack() as ending:
        folder = ending.enter_context(
            tempfile.TemporaryDirectory(prefix="unbind-bench-")
        )
        certificate = write_certificate(Path(folder))
        server = await ending.enter_async_context(a_server(smoke=given.smoke))
        trials = []
        for many, by in (
            (given.endpoints, None),
            (given.tls_endpoints, certificate),
        ):
            if many:
                sink = ending.enter_context(a_sink(keeps=kept, certificate=by))
                trials += [
                    Trial(server, sink, given, size, endpoints, by)
                    for size, endpoints in product(given.batches, many)
                ]
        yield [_case(trial) for trial in trials]


def _case(trial: Trial) -> Case:
    of = {
        "batch": trial.size,
        "endpoints": trial.endpoints,
        "tls": trial.certificate is not None,
    }
    return Case(
        of,
        {
            "worker": trial.work,
            "aiohttp": partial(trial.post, post_by_aiohttp),
            "protocol": partial(trial.post, post_by_protocol),
        },
    )


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
