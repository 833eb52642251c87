"""500 orders a second over 64 platforms against one host: what holds, what is refused?

1. The highest rate held: open-loop steps, until one has a p99 of accepted orders of
   1 s or more, or more than 1 % refused.
2. That rate, and ``--rate``, each for ``--seconds``: every accepted order must be in
   the database and end settled, refusals are 429 or 503, nothing else happens.
3. The same inserts as plain SQL, on the same Postgres right afterwards.

The callers run on the last core, everything else on the others.

Its report has steps of one story, no sides that take turns: it stands outside the frame
and the page, and docs/launch-day.md tells what was found.
"""

import argparse
import asyncio
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import text

from benchmarks.figures import machine, merged, of_status, percentiles, summary, write
from benchmarks.frame import add_smoke, asked
from benchmarks.open_loop import STARTING, Answers, Load, run_loads
from benchmarks.plain_sql import plain_rate
from benchmarks.processes import leave_last_cores
from benchmarks.servers import plain_dsn
from benchmarks.stack import Shape, Stack, a_stack

HELD_P99 = 1.0
HELD_REFUSED = 0.01
SETTLING = 900.0


async def main() -> None:
    """Measure, and write one JSON document."""
    given = _options()
    cores = leave_last_cores(smoke=given.smoke)
    report: dict[str, Any] = {"what": "launch day", **machine(), **vars(given)}
    shape = Shape(given.platforms, given.serves, given.workers)
    async with a_stack(shape, smoke=given.smoke) as stack:
        day = _Day(stack, given, cores)
        held, report["steps"] = await day.highest_rate()
        report["held_per_second"] = held
        report["at_held_rate"] = await day.run(held, given.seconds)
        report["at_asked_rate"] = await day.run(given.rate, given.seconds)
        report["settled"] = await day.settled()
        model = await day.some_order()
        await stack.halt()
        url, seconds = plain_dsn(stack.database_url), given.plain_seconds
        plain = await asyncio.to_thread(plain_rate, url, model, seconds)
    report["plain_sql_per_second"] = round(plain, 1)
    report["held_of_plain_sql"] = round(held / plain, 3)
    at_most = max(step["accepted_per_second"] for step in report["steps"])
    report["accepted_of_plain_sql"] = round(at_most / plain, 3)
    write("launch_day", report, smoke=given.smoke)


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=float, default=500.0)
    arguments.add_argument("--seconds", type=float, default=15.0)
    arguments.add_argument("--platforms", type=int, default=64)
    arguments.add_argument("--serves", type=int, default=2)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--connections", type=int, default=400)
    arguments.add_argument("--step-seconds", type=float, default=6.0)
    arguments.add_argument("--plain-seconds", type=float, default=8.0)
    arguments.add_argument("--starting", type=float, default=STARTING, help="seconds")
    add_smoke(arguments)
    few = {"rate": 20.0, "seconds": 1.0, "platforms": 3, "serves": 1, "connections": 4}
    short = {"step_seconds": 1.0, "plain_seconds": 0.2, "starting": 0.3}
    return asked(arguments, {**few, **short})


class _Day:
    """One service under several loads, and what became of them."""

    def __init__(
        self, stack: Stack, given: argparse.Namespace, cores: frozenset[int]
    ) -> None:
        self.stack = stack
        self.given = given
        self.cores = cores
        self.numbers_from = 0
        self.accepted = 0

    async def highest_rate(self) -> tuple[float, list[dict[str, Any]]]:
        """Raise the rate by a quarter until it is not held any more."""
        steps: list[dict[str, Any]] = []
        rate, held = 20.0, 0.0
        await self._send(rate, min(3.0, self.given.step_seconds))
        while rate <= self.given.rate:
            answers = await self._send(rate, self.given.step_seconds)
            accepted, refused = of_status(answers, 202), of_status(answers, 429, 503)
            found = percentiles(accepted)
            steps.append(
                {
                    "rate": round(rate, 1),
                    "accepted_per_second": round(
                        len(accepted) / self.given.step_seconds, 1
                    ),
                    "refused": len(refused),
                    **found,
                }
            )
            if found["p99_ms"] >= HELD_P99 * 1000:
                break
            if len(refused) > HELD_REFUSED * len(answers.status):
                break
            held, rate = rate, rate * 1.25
        return round(held, 1), steps

    async def run(self, rate: float, seconds: float) -> dict[str, Any]:
        """Load the service when it has settled; tell how it answered, what it took."""
        await self.settled()
        before = self.stack.memory()
        answers = await self._send(rate, seconds)
        after = self.stack.memory()
        refused = of_status(answers, 429, 503)
        return {
            "rate": rate,
            **summary(answers, seconds),
            "accepted": percentiles(of_status(answers, 202)),
            "refused": percentiles(refused),
            "faults": len(answers.status) - len(of_status(answers, 202)) - len(refused),
            "memory_mib": {"before": before, "after": after},
        }

    async def settled(self) -> dict[str, Any]:
        """Wait until every order that was accepted is over."""
        started = monotonic()
        while (found := await self._counts())["open"]:
            if monotonic() - started > SETTLING:
                break
            await asyncio.sleep(1)
        return {
            "accepted": self.accepted,
            **found,
            "seconds_after_the_load": round(monotonic() - started, 1),
        }

    async def some_order(self) -> UUID:
        """Name an order that was accepted, to be copied."""
        async with self.stack.engine.connect() as db:
            first = text("SELECT id FROM orders ORDER BY id LIMIT 1")
            return UUID(str((await db.execute(first)).scalar_one()))

    async def _counts(self) -> dict[str, int]:
        async with self.stack.engine.connect() as db:
            row = await db.execute(
                text(
                    "SELECT count(*) AS stored, "
                    "count(*) FILTER (WHERE completed_at IS NULL) AS open FROM orders"
                )
            )
            return dict(row.mappings().one())

    async def _send(self, rate: float, seconds: float) -> Answers:
        load = Load(
            urls=self.stack.urls,
            keys=self.stack.keys,
            rate=rate,
            seconds=seconds,
            connections=self.given.connections,
            numbers_from=self.numbers_from,
            cores=self.cores,
            starting=self.given.starting,
        )
        self.numbers_from += int(rate * seconds)
        answers = merged(await asyncio.to_thread(run_loads, [load]))
        self.accepted += len(of_status(answers, 202))
        return answers


if __name__ == "__main__":
    asyncio.run(main())
