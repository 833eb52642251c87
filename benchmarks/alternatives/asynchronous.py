"""Deliver on an event loop: aiohttp, which our worker uses too, or httpx; asyncpg."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import aiohttp
import asyncpg
import httpx

from benchmarks.alternatives.job import Delivery, Job, Refused, Signer

MOST_CONNECTIONS = 20
PATIENCE = 15.0
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Send a body; return the status once the answer is read."""
_RECORD = (
    "INSERT INTO sent (item, place, status) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
)


class Sender:
    """What one process keeps open for all its deliveries."""

    def __init__(self, job: Job, post: Post, rows: "asyncpg.Pool") -> None:
        self._urls = job.urls
        self._signer = Signer(job)
        self._post = post
        self._rows = rows

    async def deliver(self, delivery: Delivery) -> None:
        """Sign, post and record; raise ``Refused`` where it is to be tried again."""
        status = await self._post(
            self._urls[delivery["place"]],
            delivery["body"].encode(),
            self._signer.headers(delivery),
        )
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(f"expected 2xx, found {status}")
        await self._rows.execute(_RECORD, delivery["item"], delivery["place"], status)


@asynccontextmanager
async def a_sender(job: Job) -> AsyncIterator[Sender]:
    """Open one client and one pool."""
    most = min(job.at_once, MOST_CONNECTIONS)
    async with (
        asyncpg.create_pool(job.database_url, min_size=1, max_size=most) as rows,
        _CLIENTS[job.client](job) as post,
    ):
        yield Sender(job, post, rows)


@asynccontextmanager
async def _aiohttp(_job: Job) -> AsyncIterator[Post]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
    ) as session:

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status

        yield post


@asynccontextmanager
async def _httpx(job: Job) -> AsyncIterator[Post]:
    limits = httpx.Limits(
        max_connections=job.at_once, max_keepalive_connections=job.at_once
    )
    async with httpx.AsyncClient(
        limits=limits, timeout=PATIENCE, trust_env=False
    ) as client:

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            return (await client.post(url, content=body, headers=headers)).status_code

        yield post


_CLIENTS: Mapping[str, Callable[[Job], AbstractAsyncContextManager[Post]]] = {
    "aiohttp": _aiohttp,
    "httpx": _httpx,
}
