"""Reports of 1,000 lines: how many lines a second does one process take?

Some platforms of many report at once, each about the same orders, as fast as they are
answered: interim states, results, signed results. Every order has as many items as
there are platforms, and ends with its last one; carriers are told so. Then a platform
that fetches takes its items 200 at a time, by one caller and by two.

Lines a second of the wall clock depend on what else the machine does; those for each
second that the process has computed do not. The callers run on the last core,
everything else on the others.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from benchmarks.figures import machine, percentiles, write
from benchmarks.result_callers import Reporting, report_all
from benchmarks.stack import Shape, Stack, a_stack
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.order_builders import an_order, asked
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import UUIDS, sql
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.states import ItemStatus

SEED = b"a benchmark's seed of thirty-two"
KEY = PrivateKey(SEED)
PAGE = 200
_TICKS = os.sysconf("SC_CLK_TCK")


async def main() -> None:
    """Measure, and write one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--orders", type=int, default=4000)
    arguments.add_argument("--platforms", type=int, default=64)
    arguments.add_argument("--at-once", type=int, default=8, help="that report")
    arguments.add_argument("--lines", type=int, default=1000)
    arguments.add_argument("--only", nargs="*", help="parts of the run")
    given = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[:-1]))
    report: dict[str, Any] = {"what": "results", **machine(), **vars(given)}
    async with a_stack(Shape(platforms=1, serves=1, workers=0)) as stack:
        run = _Run(stack, given, cores[-1])
        for name, part in run.parts().items():
            if not given.only or name in given.only:
                report[name] = await part()
                print(name, report[name], file=sys.stderr)
    write("results", report)


@dataclass(frozen=True)
class _Some:
    """Orders that are under way at platforms, with the keys of these."""

    keys: tuple[str, ...]
    orders: tuple[UUID, ...]


class _Run:
    """One service, and what is reported to it one part after the other."""

    def __init__(self, stack: Stack, given: argparse.Namespace, core: int) -> None:
        self.stack = stack
        self.given = given
        self.core = core
        self.made = 0

    def parts(self) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
        """Name what is measured."""
        return {
            "action_required": partial(self.report, "action_required"),
            "unbound": partial(self.report, "unbound"),
            "unbound_signed": partial(self.report, "unbound", is_signed=True),
            "fetching_by_one": partial(self.fetch, 1),
            "fetching_by_two": partial(self.fetch, 2),
        }

    async def report(self, outcome: str, *, is_signed: bool = False) -> dict[str, Any]:
        """Report one outcome for every item that there is."""
        signed = KEY if is_signed else None
        some = await self._some(self.given.platforms, taken=True, signed=signed)
        reporting = Reporting(
            url=self.stack.urls[0],
            keys=some.keys,
            orders=some.orders,
            name=f"part-{self.made}",
            outcome=outcome,
            lines=self.given.lines,
            at_once=self.given.at_once,
            signed_by=SEED if is_signed else None,
            core=self.core,
        )
        await self._warm_up(reporting)
        before = self._computed()
        reported = await asyncio.to_thread(report_all, reporting)
        computed = self._computed() - before
        lines = sum(reported.lines.values())
        return {
            **_rates(lines, reported.seconds, computed),
            "answers": dict(reported.lines),
            "refused": dict(reported.refused),
            "report": percentiles(reported.latency),
            "completed": await self._completed(some.orders),
        }

    async def _warm_up(self, reporting: Reporting) -> None:
        """Let each connection be used once, by reports on what nobody knows."""
        nobodys = tuple(UUID(int=place) for place in range(4))
        first = replace(reporting, orders=nobodys, lines=1, name="warm-up")
        await asyncio.to_thread(report_all, first)

    async def fetch(self, callers: int) -> dict[str, Any]:
        """Let one platform fetch its items and take them, until there are none."""
        some = await self._some(1, taken=False, delivery=Delivery.PULL)
        host, port = self.stack.urls[0]
        headers = {"Authorization": f"Bearer {some.keys[0]}"}
        taken = handed_out = 0

        async def caller() -> None:
            nonlocal taken, handed_out
            url = f"http://{host}:{port}"
            async with httpx.AsyncClient(base_url=url, headers=headers) as http:
                while ids := await _page(http):
                    handed_out += len(ids)
                    recorded = await _take(http, ids)
                    taken += recorded

        before, started = self._computed(), monotonic()
        await asyncio.gather(*(caller() for _ in range(callers)))
        seconds, computed = monotonic() - started, self._computed() - before
        return {**_rates(taken, seconds, computed), "handed_out": handed_out}

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
            keys = []
            for place in range(platforms):
                made = await a_platform(db, f"of-part-{self.made}-{place}")
                public = signed and signed.public.text
                await an_endpoint(
                    db, made, delivery=delivery, result_public_key=public, now=now
                )
                keys.append((await a_key(db, made)).key)
            carrier = await a_carrier(db, f"carrier-of-part-{self.made}")
            model = await an_order(db, carrier, asked(now=now), now=now)
            ids = [UUID(int=model.int + place) for place in range(self.given.orders)]
            copies = {"model": model, "ids": ids[1:]}
            for statement in _COPIES:
                await db.execute(statement, copies)
            if taken:
                await db.execute(_TAKE, {"ids": ids})
        plain = self.stack.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with plain.connect() as db:
            await db.execute(text("VACUUM ANALYZE orders, items"))
        return _Some(tuple(keys), tuple(ids))

    async def _completed(self, orders: tuple[UUID, ...]) -> int:
        async with self.stack.engine.connect() as db:
            found = await db.execute(_COMPLETED, {"ids": list(orders)})
            return int(found.scalar_one())

    def _computed(self) -> float:
        """Give the seconds that the process has computed so far."""
        stat = Path(f"/proc/{self.stack.serves[0].pid}/stat")
        fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _rates(lines: int, seconds: float, computed: float) -> dict[str, Any]:
    return {
        "lines": lines,
        "seconds": round(seconds, 2),
        "lines_per_second": round(lines / seconds),
        "of_a_core": round(computed / seconds, 2),
        "lines_per_computed_second": round(lines / computed),
    }


async def _page(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get("/v1/items", params={"status": "queued", "limit": PAGE})
    answer.raise_for_status()
    return [item["id"] for item in answer.json()["data"]]


async def _take(http: httpx.AsyncClient, ids: Iterable[str]) -> int:
    lines = [{"id": one, "outcome": "acknowledged"} for one in ids]
    answer = await http.post("/v1/results", json={"results": lines})
    answer.raise_for_status()
    told = [line["status"] for line in answer.json()["results"]]
    return told.count("recorded")


_COPIES = (
    sql(
        """
        INSERT INTO orders
        SELECT (jsonb_populate_record(o, jsonb_build_object('id', n.id))).*
        FROM orders o, unnest(:ids) AS n (id)
        WHERE o.id = :model""",
        model=UUID_TYPE,
        ids=UUIDS,
    ),
    sql(
        """
        INSERT INTO items (order_id, platform_id, status, attempts, late)
        SELECT n.id, i.platform_id, i.status, i.attempts, i.late
        FROM unnest(:ids) AS n (id), items i WHERE i.order_id = :model""",
        model=UUID_TYPE,
        ids=UUIDS,
    ),
)
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
    asyncio.run(main())
