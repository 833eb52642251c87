"""A broker that answers by a script, for what a real one answers seldom."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Said:
    """One answer. ``parts`` come one by one; ``breaks`` ends it in the middle."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()
    breaks: bool = False


def problem(status: int, code: str, **headers: str) -> Said:
    body = {
        "type": f"/problems/{code}",
        "status": status,
        "code": code,
        "detail": "so it is",
        "request_id": "r-1",
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, body, named)


@dataclass(frozen=True)
class Heard:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedBroker:
    """Answers with ``script``, one each, then with its last for ever."""

    def __init__(self) -> None:
        self.script: deque[Said] = deque()
        self.heard: list[Heard] = []
        self.url = ""

    def will_say(self, *said: Said) -> None:
        self.script.extend(said)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["ScriptedBroker"]:
        runner = web.ServerRunner(web.Server(self._serve))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.heard.append(Heard(request.method, str(request.rel_url), headers, body))
        said = self.script[0] if len(self.script) == 1 else self.script.popleft()
        if not said.parts:
            return web.json_response(
                said.body, status=said.status, headers=said.headers
            )
        answer = web.StreamResponse(status=said.status, headers=said.headers)
        await answer.prepare(request)
        for part in said.parts:
            await answer.write(part)
        if said.breaks and request.transport is not None:
            request.transport.close()
        return answer
