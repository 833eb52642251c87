"""Deliver on threads or greenlets: urllib3, the leanest of the blocking clients."""

from functools import cache
from http import HTTPStatus

import urllib3
from psycopg_pool import ConnectionPool

from benchmarks.alternatives.job import Delivery, Job, Refused, Signer

MOST_CONNECTIONS = 20
_RECORD = (
    "INSERT INTO sent (item, place, status) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
)


class Sender:
    """What one process keeps open for all its deliveries."""

    def __init__(self, job: Job) -> None:
        self._urls = job.urls
        self._signer = Signer(job)
        self._http = urllib3.PoolManager(
            maxsize=job.at_once, timeout=15, retries=False, num_pools=len(job.urls)
        )
        self._rows = ConnectionPool(
            job.database_url,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=min(job.at_once, MOST_CONNECTIONS),
            open=True,
        )

    def deliver(self, delivery: Delivery) -> None:
        """Sign, post and record; raise ``Refused`` where it is to be tried again."""
        answer = self._http.request(
            "POST",
            self._urls[delivery["place"]],
            body=delivery["body"].encode(),
            headers=self._signer.headers(delivery),
            redirect=False,
        )
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(f"expected 2xx, found {answer.status}")
        with self._rows.connection() as db:
            db.execute(_RECORD, (delivery["item"], delivery["place"], answer.status))


@cache
def the_sender() -> Sender:
    """Give the one of this process; opened before its first delivery, after a fork."""
    return Sender(Job.given())
