"""procrastinate: the queue is a table of the same Postgres.

Set up as the documentation of procrastinate 3.10 advises: an asynchronous task on the
``PsycopgConnector``, several at once by ``concurrency`` ("Execute multiple jobs at the
same time"), a pool of one connection more than that ("Mind the size of your PostgreSQL
pool"), a ``RetryStrategy``, jobs deferred in batches. uvloop is given to it as well.
"""

import sys

import procrastinate
import uvloop
from procrastinate import RetryStrategy

from benchmarks.alternatives.asynchronous import a_sender
from benchmarks.alternatives.job import RETRIES, RETRY_SECONDS, Delivery, Job

TASK = "deliver"
MOST_CONNECTIONS = 60
BATCH = 1000


async def fill(job: Job) -> None:
    """Make its tables, and defer every delivery."""
    app = _an_app(job)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        deliveries = list(job.deliveries())
        for first in range(0, len(deliveries), BATCH):
            await app.configure_task(TASK).batch_defer_async(
                *deliveries[first : first + BATCH]
            )


async def work(job: Job) -> None:
    """Deliver until it is told to stop."""
    async with a_sender(job) as sender:
        app = _an_app(job)

        @app.task(
            name=TASK,
            retry=RetryStrategy(max_attempts=RETRIES, linear_wait=RETRY_SECONDS),
        )
        async def deliver(place: int, item: str, body: str) -> None:
            await sender.deliver(Delivery(place=place, item=item, body=body))

        async with app.open_async():
            await app.run_worker_async(concurrency=job.at_once)


def _an_app(job: Job) -> procrastinate.App:
    most = min(job.at_once + 1, MOST_CONNECTIONS)
    connector = procrastinate.PsycopgConnector(conninfo=job.database_url, max_size=most)
    return procrastinate.App(connector=connector)


if __name__ == "__main__":
    uvloop.run({"fill": fill, "work": work}[sys.argv[1]](Job.given()))
