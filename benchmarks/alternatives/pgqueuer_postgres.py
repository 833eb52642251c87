"""PgQueuer: the queue is a table of the same Postgres.

Set up as the documentation of PgQueuer 1.6 advises: an entrypoint on asyncpg, what is
expensive to open kept for all jobs, ``DatabaseRetryEntrypointExecutor``, and of
"Performance Tuning": a pool, autovacuum as recommended, larger batches for short jobs,
``max_concurrent_tasks`` twice the batch. Durability stays at its default, ``durable``.
It runs on uvloop, as its own command does, by ``PgQueuer.run``.
"""

import asyncio
import json
import signal
import sys
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.models import Job as QueuedJob

from benchmarks.alternatives.asynchronous import a_sender
from benchmarks.alternatives.job import RETRIES, RETRY_SECONDS, Job

ENTRYPOINT = "deliver"
POOL = 20
BATCH = 1000


async def fill(job: Job) -> None:
    """Make its tables, and enqueue every delivery."""
    async with asyncpg.create_pool(job.database_url) as pool:
        queries = PgQueuer.from_asyncpg_pool(pool).qm.queries
        await queries.install()
        await queries.optimize_autovacuum()
        messages = [json.dumps(one).encode() for one in job.deliveries()]
        for first in range(0, len(messages), BATCH):
            part = messages[first : first + BATCH]
            await queries.enqueue([ENTRYPOINT] * len(part), part, [0] * len(part))


async def work(job: Job) -> None:
    """Deliver until it is told to stop."""
    async with (
        a_sender(job) as sender,
        asyncpg.create_pool(job.database_url, min_size=5, max_size=POOL) as pool,
    ):
        queue = PgQueuer.from_asyncpg_pool(pool)

        @queue.entrypoint(
            ENTRYPOINT,
            executor_factory=lambda parameters: DatabaseRetryEntrypointExecutor(
                parameters=parameters,
                max_attempts=RETRIES,
                initial_delay=timedelta(seconds=RETRY_SECONDS),
            ),
        )
        async def deliver(queued: QueuedJob) -> None:
            await sender.deliver(json.loads(queued.payload or b""))

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, queue.shutdown.set)
        await queue.run(batch_size=job.at_once // 2, max_concurrent_tasks=job.at_once)


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](Job.given()))
