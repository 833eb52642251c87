"""How fast does a clearance go in, how fast is it read and answered?

A process of its own serves over loopback on a durable Postgres. In each round a
clearance of new numbers is uploaded in parts, then published to all platforms at once;
some of them read the manifest and report, and the carrier reads the results.
"""

import argparse
import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from uuid import UUID

import asyncpg
import httpx
from sqlalchemy import text

from benchmarks.about import About, Measure, Ratio, Words
from benchmarks.clearance_platforms import (
    LINES,
    Platforms,
    read_results,
    some_platforms,
)
from benchmarks.figures import percentiles
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.plain_clearance import Plain
from benchmarks.processes import computed
from benchmarks.servers import plain_dsn
from benchmarks.stack import Shape, Stack, a_stack

ABOUT = About(
    name="clearance",
    title=Words("Clearances", "号码焕新"),
    question=Words(
        "How many numbers of a clearance are uploaded, published, read by platforms "
        "and answered a second, beside COPY of the same rows?",
        "号码焕新每秒能上传、发布、供平台读取并收回结果多少个号码？"
        "对照是对同样的行使用 COPY。",
    ),
    notes=Words(
        "One serving process. Upload: NDJSON, one part after the other; the plain side "
        "copies the rows that came of it into a table with the same indexes, a "
        "transaction for each part. Publish: the one request, by the numbers that it "
        "publishes. Manifest: eight platforms at once read all numbers, page by page; "
        "the plain side reads the same rows, sealed as they are. Findings: those "
        "platforms report at once, each what it found of every sixtieth number; plain "
        "as for the upload. Results: the carrier reads a line for each number, with "
        "what every platform said; the plain side reads the rows behind it. COPY "
        "checks no number, seals and opens none, makes no JSON and no HTTP.",
        "一个服务进程。上传：NDJSON，逐块上传；对照把由此产生的行用 COPY 写入索引相同的"
        "表，每块一个事务。发布：仅一个请求，按发布的号码数计。清单：八个平台同时逐页读完"
        "全部号码；对照读取同样的行，号码仍为密文。结果上报：这些平台同时上报，每个平台"
        "约六十个号码中有一个结果；对照同上传。读取结果：运营商为每个号码读一行，含各平台"
        "的答复；对照读取其背后的行。COPY 不校验号码，不加密也不解密，不生成 JSON，"
        "也没有 HTTP。",
    ),
    sides={
        "service": Words("service", "本服务"),
        "plain": Words("plain COPY", "普通 COPY"),
    },
    parameters={"what": Words("what", "内容")},
    measures=(
        Measure("lines_per_second", Words("lines/s", "行/秒")),
        Measure("cpu_us_per_line", Words("own CPU, µs a line", "自身 CPU，微秒/行"), 1),
        Measure("p50_ms", Words("a page, p50, ms", "每页 p50，毫秒"), 1),
        Measure("p99_ms", Words("a page, p99, ms", "每页 p99，毫秒"), 1),
        Measure("bytes", Words("bytes a line kept", "每行存储字节"), 1),
        Measure("peak_mib", Words("most memory, MiB", "内存峰值，MiB")),
    ),
    ratios=(
        Ratio(
            "of_plain",
            Words("service to plain", "与普通 COPY 之比"),
            "lines_per_second",
            "service",
            "plain",
        ),
    ),
)
GONE_ON = "2026-08-20"
HEADS = ("130", "135", "138", "139", "150", "158", "176", "186", "188", "199")
LINES_AT_ONCE = 2000


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3)
    parser.add_argument("--numbers", type=int, default=200_000, help="in each round")
    parser.add_argument("--platforms", type=int, default=239)
    parser.add_argument("--part", type=int, default=100_000, help="numbers in one")
    parser.add_argument("--readers", type=int, default=8, help="platforms at once")
    parser.add_argument("--page", type=int, default=5000, help="of the manifest")
    parser.add_argument("--seed", type=int, default=1)
    smoke = {"numbers": 40, "platforms": 3, "part": 25, "readers": 2, "page": 15}
    return asked(parser, smoke, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the steps of a clearance in their order."""
    settings = {"UNBIND_CLEARANCE_FIRST_WAVE": str(given.numbers)}
    shape = Shape(given.platforms, serves=1, workers=0, settings=settings)
    async with a_stack(shape, smoke=given.smoke) as stack:
        host, port = stack.urls[0]
        headers = {"Authorization": f"Bearer {stack.keys[0]}"}
        dsn = plain_dsn(stack.database_url)
        async with (
            httpx.AsyncClient(
                base_url=f"http://{host}:{port}", headers=headers, timeout=600
            ) as http,
            asyncpg.create_pool(dsn, min_size=1, max_size=given.readers) as pool,
        ):
            platforms = await some_platforms(stack, http, given.readers)
            run = _Run(stack, http, platforms, Plain(pool), given)
            yield [
                Case(
                    {"what": "upload"},
                    {"service": run.upload, "plain": run.copy_in},
                    is_a_step=True,
                ),
                Case({"what": "publish"}, {"service": run.publish}),
                Case({"what": "manifest"}, {"service": run.read, "plain": run.scan}),
                Case(
                    {"what": "findings"},
                    {"service": run.report, "plain": run.copy_findings},
                    is_a_step=True,
                ),
                Case(
                    {"what": "results"}, {"service": run.results, "plain": run.copy_out}
                ),
            ]


class _Run:
    """The clearance of this round, step by step."""

    def __init__(
        self,
        stack: Stack,
        http: httpx.AsyncClient,
        platforms: Platforms,
        plain: Plain,
        given: argparse.Namespace,
    ) -> None:
        self.stack = stack
        self.http = http
        self.platforms = platforms
        self.plain = plain
        self.given = given
        self.path = ""
        self.id = UUID(int=0)
        self.found = 0
        drawn = some_numbers(given.numbers * given.rounds, given.seed)
        self.numbers = iter(
            drawn[first : first + given.numbers]
            for first in range(0, len(drawn), given.numbers)
        )

    async def upload(self) -> Reading:
        """Upload the numbers of a new clearance."""
        made = await self.http.post("/v1/clearances", json={})
        self.path = made.raise_for_status().headers["location"]
        async with self.stack.engine.connect() as db:
            newest = text("SELECT id FROM clearances ORDER BY created_at DESC LIMIT 1")
            self.id = UUID(str((await db.execute(newest)).scalar_one()))
        before = await self._bytes("clearance_numbers")
        upload = _upload(self.http, self.path, next(self.numbers), self.given.part)
        read = await self._timed(upload, self.given.numbers)
        grown = await self._bytes("clearance_numbers") - before
        return {**read, "bytes": grown / self.given.numbers}

    async def publish(self) -> Reading:
        """Publish it to all platforms."""
        return await self._timed(self._publish(), self.given.numbers)

    async def read(self) -> Reading:
        """Let platforms read the manifest."""
        reading = self.platforms.read(self.path, self.given.page)
        told = await self._timed(reading, self.given.numbers * self.given.readers)
        spread = percentiles(self.platforms.waits)
        return {**told, "p50_ms": spread["p50_ms"], "p99_ms": spread["p99_ms"]}

    async def report(self) -> Reading:
        """Let them report."""
        before = await self._bytes("clearance_findings")
        told = await self._timed(self._report(), None)
        grown = await self._bytes("clearance_findings") - before
        return {**told, "bytes": grown / self.found}

    async def results(self) -> Reading:
        """Let the carrier read what was found."""
        reading = read_results(self.http, self.path)
        return await self._timed(reading, self.given.numbers)

    async def copy_in(self) -> Reading:
        """Write the same numbers by COPY."""
        written, seconds = await self.plain.write_numbers(self.id, self.given.part)
        _expect(written, self.given.numbers)
        return {"lines_per_second": written / seconds}

    async def scan(self) -> Reading:
        """Read the same numbers by COPY."""
        readers, page = self.given.readers, self.given.page
        seconds = await self.plain.read_numbers(self.id, readers, page)
        return {"lines_per_second": self.given.numbers * readers / seconds}

    async def copy_findings(self) -> Reading:
        """Write the same findings by COPY."""
        written, seconds = await self.plain.write_findings(self.id, LINES)
        _expect(written, self.found)
        return {"lines_per_second": written / seconds}

    async def copy_out(self) -> Reading:
        """Read numbers and findings by COPY."""
        seconds = await self.plain.read_everything(self.id)
        return {"lines_per_second": self.given.numbers / seconds}

    async def _publish(self) -> int:
        answer = await self.http.post(f"{self.path}/publish", json={})
        answer.raise_for_status()
        return int(self.given.numbers)

    async def _report(self) -> int:
        self.found = await self.platforms.report(self.path)
        return self.found

    async def _timed(self, doing: Awaitable[int], expected: int | None) -> Reading:
        pids = [one.pid for one in self.stack.serves]
        _begin_peak(pids[0])
        used, started = computed(*pids), perf_counter()
        lines = await doing
        seconds, used = perf_counter() - started, computed(*pids) - used
        _expect(lines, lines if expected is None else expected)
        return {
            "lines_per_second": lines / seconds,
            "cpu_us_per_line": used / lines * 1e6,
            "peak_mib": _peak(pids[0]),
        }

    async def _bytes(self, table: str) -> int:
        size = text("SELECT pg_total_relation_size(CAST(:table AS regclass))")
        async with self.stack.engine.connect() as db:
            return int((await db.execute(size, {"table": table})).scalar_one())


def some_numbers(how_many: int, seed: int) -> list[str]:
    """Draw as many different mobile numbers, each time the same."""
    dice = random.Random(seed)  # noqa: S311 - the same draw in every run
    every = dice.sample(range(len(HEADS) * 10**8), how_many)
    return [f"+86{HEADS[n // 10**8]}{n % 10**8:08}" for n in every]


async def _upload(
    http: httpx.AsyncClient, path: str, numbers: Sequence[str], part: int
) -> int:
    accepted = 0
    for place, first in enumerate(range(0, len(numbers), part), start=1):
        answer = await http.put(
            f"{path}/parts/{place}",
            content=_ndjson(numbers[first : first + part]),
            headers={"Content-Type": "application/x-ndjson"},
        )
        answer.raise_for_status()
        accepted += int(answer.json()["accepted"])
    return accepted


async def _ndjson(numbers: Sequence[str]) -> AsyncIterator[bytes]:
    for start in range(0, len(numbers), LINES_AT_ONCE):
        yield "".join(
            f'{{"number":"{number}","disconnected_on":"{GONE_ON}"}}\n'
            for number in numbers[start : start + LINES_AT_ONCE]
        ).encode()
        await asyncio.sleep(0)


def _expect(found: int, expected: int) -> None:
    if found != expected:
        raise AssertionError(f"{expected} lines expected, {found} came")


def _begin_peak(pid: int) -> None:
    """Count the most memory that a process holds from here on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _peak(pid: int) -> int:
    """Give the most memory that a process ever held, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
