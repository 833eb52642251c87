"""Deliver on an event loop: aiohttp, which our worker uses too, and asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
import asyncpg

from benchmarks.alternatives.job import Delivery, Job, Refused, Signer

MOST_CONNECTIONS = 20
_RECORD = (
    "INSERT INTO sent (item, place, status) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
)


class Sender:
    """What one process keeps open for all its deliveries."""

    def __init__(
        self, job: Job, session: aiohttp.ClientSession, rows: "asyncpg.Pool"
    ) -> None:
        self._urls = job.urls
        self._signer = Signer(job)
        self._session = session
        self._rows = rows

    async def deliver(self, delivery: Delivery) -> None:
        """Sign, post and record; raise ``Refused`` where it is to be tried again."""
        async with self._session.post(
            self._urls[delivery["place"]],
            data=delivery["body"].encode(),
            headers=self._signer.headers(delivery),
            allow_redirects=False,
        ) as answer:
            await answer.read()
            status = answer.status
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(f"expected 2xx, found {status}")
        await self._rows.execute(_RECORD, delivery["item"], delivery["place"], status)


@asynccontextmanager
async def a_sender(job: Job) -> AsyncIterator[Sender]:
    """Open one session and one pool."""
    most = min(job.at_once, MOST_CONNECTIONS)
    async with (
        asyncpg.create_pool(job.database_url, min_size=1, max_size=most) as rows,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=15),
        ) as session,
    ):
        yield Sender(job, session, rows)
