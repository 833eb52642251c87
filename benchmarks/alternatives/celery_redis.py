"""Celery with Redis as its broker.

Set up as the documentation of Celery 5.7 advises: the gevent pool for tasks that wait
for others ("Concurrency"), late acknowledgement, since a delivery may not be lost and
can be repeated, ``autoretry_for`` with backoff, no results kept, a large prefetch for
many short tasks ("Optimizing"), Redis as it comes ("Using Redis").
"""

import sys

from celery import Celery

from benchmarks.alternatives.blocking import the_sender
from benchmarks.alternatives.job import RETRIES, RETRY_SECONDS, Delivery, Job

PREFETCH = 64

app = Celery("alternatives", broker=Job.given().redis_url)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=PREFETCH,
    worker_hijack_root_logger=False,
)


@app.task(
    name="deliver",
    autoretry_for=(Exception,),
    retry_backoff=RETRY_SECONDS,
    max_retries=RETRIES,
)
def deliver(place: int, item: str, body: str) -> None:
    """Do one delivery."""
    the_sender().deliver(Delivery(place=place, item=item, body=body))


def fill(job: Job) -> None:
    """Send every delivery to the broker."""
    with app.producer_pool.acquire(block=True) as producer:
        for delivery in job.deliveries():
            deliver.apply_async(kwargs=dict(delivery), producer=producer)


if __name__ == "__main__" and sys.argv[1] == "fill":
    fill(Job.given())
