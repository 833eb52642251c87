"""Where the endpoint reports: the part of the broker's API that platforms call."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from socket import socket
from typing import NoReturn

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from unbind_broker.app.server import ApiServer
from unbind_broker.base.signing import ID_HEADER, SignatureInvalid, verify_v1a
from unbind_broker.callbacks.results import MAX_LINES
from unbind_broker.conformance.asked import Way
from unbind_broker.conformance.manifests import Manifest, read_count
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words

LARGEST_BODY = 1024 * 1024
_WHERE = Words("上报", "a report")
_USUAL_NUMBERS = "1000"


class Refused(Exception):
    """A call that is not to be taken; ``status`` and ``detail`` go back."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@asynccontextmanager
async def open_door(stage: Stage, listener: socket) -> AsyncIterator[None]:
    """Take reports for as long as this is open."""
    ready = asyncio.Event()
    server = ApiServer(_application(Door(stage)), ready.set)
    serving = asyncio.create_task(server.serve_on(listener))
    opened = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait((serving, opened), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        yield
    finally:
        opened.cancel()
        server.drop()
        await serving


class Door:
    """Check who calls and what is said, and pass it on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._desk = stage.desk
        self._answered: dict[str, tuple[bytes, Response]] = {}

    async def take_results(self, request: Request) -> Response:
        """Take ``POST /v1/results``."""
        body = await self._read(request)
        if self._desk.refuses(request.headers.get(ID_HEADER)):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "try again later")
        return self._once(request, body, self._hear)

    async def show_page(self, request: Request) -> Response:
        """Answer ``GET /v1/clearances/{id}/manifest``."""
        self._check_key(request)
        manifest, asked = self._manifest(request), request.query_params
        limit = read_count(asked.get("limit", _USUAL_NUMBERS))
        place = read_count(asked.get("wave", "1"))
        if not limit or not place:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "limit or wave is wrong")
        if place > len(manifest.waves):
            raise Refused(HTTPStatus.NOT_FOUND, "this wave was not published")
        wave = manifest.waves[place - 1]
        page = self._stage.manifests.page(wave, asked.get("cursor"), limit)
        if page is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "nobody gave this cursor")
        return JSONResponse(page)

    async def take_findings(self, request: Request) -> Response:
        """Take ``POST /v1/clearances/{id}/findings``."""
        body = await self._read(request)
        manifest = self._manifest(request)
        return self._once(request, body, lambda read: self._find(manifest, read))

    def _once(
        self, request: Request, body: bytes, take: Callable[[bytes], Response]
    ) -> Response:
        """Take a report; a signed one that comes again gets its first answer."""
        webhook_id = request.headers.get(ID_HEADER)
        if self._stage.plan.result_public_key is None or webhook_id is None:
            return take(body)
        if webhook_id in self._answered:
            earlier, answer = self._answered[webhook_id]
            if earlier != body:
                self._form("用过的 webhook-id 带了另一份正文", "reuses a webhook-id")
            return answer
        answer = take(body)
        self._answered[webhook_id] = body, answer
        return answer

    def _hear(self, body: bytes) -> Response:
        lines = self._list(body, "results")
        if not lines:
            self._form("没有任何结果", "holds no results")
        self._desk.look_for_numbers(body.decode(errors="replace"), _WHERE)
        return JSONResponse({"results": self._desk.hear(lines, Way.REPORT)})

    def _find(self, manifest: Manifest, body: bytes) -> Response:
        lines = self._list(body, "findings")
        complete = json.loads(body).get("complete", False) is True
        if not lines and not complete:
            self._form("既无发现，也未完成", "holds no findings and is not complete")
        answer = self._stage.manifests.report(manifest, lines, complete=complete)
        if answer is None:
            raise Refused(HTTPStatus.CONFLICT, "the wave was not read to its end")
        return JSONResponse(answer)

    def _list(self, body: bytes, name: str) -> list[object]:
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            self._form("不是 JSON", "is no JSON")
        lines = read.get(name) if isinstance(read, dict) else None
        if not isinstance(lines, list):
            self._form(f"没有列表 {name}", f"has no list of {name}")
        if len(lines) > MAX_LINES:
            self._form(f"超过 {MAX_LINES} 行", f"has over {MAX_LINES} lines")
        return lines

    def _form(self, zh: str, en: str) -> NoReturn:
        self._desk.notice("form", f"上报{zh}", f"a report {en}")
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"the report {en}")

    async def _read(self, request: Request) -> bytes:
        self._check_key(request)
        body = await _body(request)
        self._desk.calls += 1
        if len(body) > LARGEST_BODY:
            self._desk.notice("form", "上报超过 1 MiB", "a report is over 1 MiB")
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "over 1 MiB")
        self._check_signature(request, body)
        return body

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        wanted = f"Bearer {self._stage.plan.key}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            zh, en = ("密钥不对", "another key") if given else ("没有密钥", "no key")
            self._desk.notice("key", f"调用{zh}", f"a call came with {en}")
            raise Refused(HTTPStatus.UNAUTHORIZED, "expected the key as a bearer token")

    def _check_signature(self, request: Request, body: bytes) -> None:
        key = self._stage.plan.result_public_key
        if key is None:
            return
        try:
            verify_v1a(key, request.headers, body, self._stage.now())
        except SignatureInvalid as error:
            self._desk.notice("unsigned", "上报签名不成立", f"a report: {error.detail}")
            raise Refused(HTTPStatus.UNAUTHORIZED, error.detail) from None

    def _manifest(self, request: Request) -> Manifest:
        found = self._stage.manifests.find(request.path_params["clearance_id"])
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no clearance of this id was published")
        return found


async def _body(request: Request) -> bytes:
    """Read a body, and no more of one that is too long than shows it."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            break
    return bytes(body)


def _application(door: Door) -> FastAPI:
    application = FastAPI(openapi_url=None)
    path = "/v1/clearances/{clearance_id}"
    application.add_route("/v1/results", door.take_results, ["POST"])
    application.add_route(f"{path}/manifest", door.show_page, ["GET"])
    application.add_route(f"{path}/findings", door.take_findings, ["POST"])
    application.add_exception_handler(Refused, _refuse)
    return application


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for no other
    status = error.status
    problem = {"title": status.phrase, "status": status, "detail": error.detail}
    retry = {"retry-after": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(problem, status, retry, "application/problem+json")
