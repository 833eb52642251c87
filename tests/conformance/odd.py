"""Platforms that keep the contract in ways that are rare, and none of them wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from aiohttp import web
from typing_extensions import override

from tests.conformance.accounts import Line
from tests.conformance.platform import Platform
from tests.support.waiting import PATIENCE


class Slow(Platform):
    """Needs a while for every answer, though less than it may."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        await asyncio.sleep(0.1)
        return await super().take(event, webhook_id)


class Silent(Platform):
    """Answers 204, and tells every result later."""

    status = 204

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.pause = 0.01

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        await super().take(event, webhook_id)
        return web.Response(status=self.status)


class Accepting(Silent):
    """Answers 202 with a page that is no JSON, and tells every result later."""

    status = 202


class Chunked(Platform):
    """Answers in chunks, a few bytes each."""

    @override
    async def answer(
        self, request: web.BaseRequest, given: web.Response
    ) -> web.StreamResponse:
        made = web.StreamResponse(status=given.status)
        made.enable_chunked_encoding()
        await made.prepare(request)
        body = given.text or ""
        for begin in range(0, len(body), 7):
            await made.write(body[begin : begin + 7].encode())
        await made.write_eof()
        return made


class Twice(Platform):
    """Tells every result in the answer, and the same again by a report."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        answer = await super().take(event, webhook_id)
        ids = [item["id"] for item in event["data"]["items"]]
        self.report_later([self.results[one] for one in ids if one in self.results])
        return answer


class Fetching(Platform):
    """Asks the broker for items besides, as platforms do that are not reached."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        await self.http.get("/v1/items?status=queued", headers=headers)
        return await super().take(event, webhook_id)


class OldProtocol(Platform):
    """Stands behind a relay that speaks HTTP/1.0 and hangs up after each answer."""

    @override
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Platform]:
        async with super().opened(), httpx.AsyncClient(timeout=PATIENCE) as inside:
            self.inside, self.behind = inside, self.url
            relay = await asyncio.start_server(self._relay, "127.0.0.1", 0)
            host, port = relay.sockets[0].getsockname()
            self.url = f"http://{host}:{port}/hooks"
            async with relay:
                yield self

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        named = [line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2]]
        given = [line.split(b": ", 1)[1] for line in head.split(b"\r\n")[1:-2]]
        headers = dict(zip((name for name, _ in named), given, strict=True))
        body = await reader.readexactly(int(headers[b"content-length"]))
        del headers[b"host"]
        answer = await self.inside.post(self.behind, content=body, headers=headers)
        writer.write(f"HTTP/1.0 {answer.status_code} .\r\n\r\n".encode())
        writer.write(answer.content)
        await writer.drain()
        writer.close()
