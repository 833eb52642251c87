"""Refuse bodies that are too large or not JSON before anything else looks at them."""

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.problems import problem

MAX_BODY = 1024 * 1024
"""Bytes."""


class BodyLimits:
    """Read the body up to 1 MiB, then hand it on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self.app(scope, receive, send)
            return
        body = await _read(Headers(scope=scope), receive)
        code = None
        if body is None:
            code = "body-too-large"
        elif body and not _is_json(Headers(scope=scope)):
            code = "unsupported-media-type"
        if code is not None or body is None:
            kind = KINDS[code or "body-too-large"]
            answer = problem(Request(scope), kind, kind.meaning)
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


async def _read(headers: Headers, receive: Receive) -> bytes | None:
    """Return the body, or nothing if it is over the limit."""
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:12]) > MAX_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    handed_over = False

    async def replay() -> Message:
        nonlocal handed_over
        if handed_over:
            return await receive()
        handed_over = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
