"""dramatiq with Redis as its broker.

Set up as the documentation of dramatiq 2.2 advises: an actor on the ``RedisBroker``
with its default middleware, run by the ``dramatiq`` command with threads for what
waits, retries with backoff per actor, safe to repeat ("Best Practices").
"""

import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.alternatives.blocking import the_sender
from benchmarks.alternatives.job import RETRIES, RETRY_SECONDS, Delivery, Job

broker = RedisBroker(url=Job.given().redis_url)
dramatiq.set_broker(broker)


@dramatiq.actor(
    actor_name="deliver", max_retries=RETRIES, min_backoff=RETRY_SECONDS * 1000
)
def deliver(place: int, item: str, body: str) -> None:
    """Do one delivery."""
    the_sender().deliver(Delivery(place=place, item=item, body=body))


def fill(job: Job) -> None:
    """Send every delivery to the broker."""
    for delivery in job.deliveries():
        deliver.send(**delivery)


if __name__ == "__main__" and sys.argv[1] == "fill":
    fill(Job.given())
