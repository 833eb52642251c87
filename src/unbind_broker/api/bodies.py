"""Refuse bodies that are too large, too slow, cut off or not JSON at the door."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import ClassVar

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.problems import problem
from unbind_broker.base.errors import BrokerError

MAX_BODY = 1024 * 1024
"""Bytes."""
MOST_SECONDS = 30.0
"""Until the body must be here: a caller that drips holds no connection for ever."""


STREAMED_PATHS = re.compile(r"/v1/holdings|/v1/clearances/[^/]+/parts/[^/]+")
STREAMED_TYPES = frozenset({"application/x-ndjson", "text/csv"})
"""Uploads: their routes read them line by line, with limits of their own."""


class BodyLimits:
    """Read the body up to 1 MiB, then hand it on whole; uploads are let through.

    A caller that leaves before the end gets nothing done: half a body may be a valid
    one.
    """

    def __init__(self, app: ASGIApp, most_seconds: float = MOST_SECONDS) -> None:
        self.app = app
        self.most_seconds = most_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_bounded(scope):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            async with asyncio.timeout(self.most_seconds):
                body = await _read(headers, receive)
        except _Left:
            return
        except _TooLarge:
            await _refuse("body-too-large", scope, receive, send)
        except TimeoutError:
            await _refuse("request-timeout", scope, receive, send)
        else:
            if body and not _is_json(headers):
                await _refuse("unsupported-media-type", scope, receive, send)
                return
            if not _is_utf8(body) or _names_twice(body):
                await _refuse("malformed-json", scope, receive, send)
                return
            await self.app(scope, _replay(body, receive), send)


class _TooLarge(Exception):
    """The body is over the limit."""


class _Left(Exception):
    """The caller left before the body was whole."""


async def _refuse(code: str, scope: Scope, receive: Receive, send: Send) -> None:
    kind = KINDS[code]
    answer = problem(Request(scope), kind, kind.meaning)
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


async def _read(headers: Headers, receive: Receive) -> bytes:
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:12]) > MAX_BODY:
        raise _TooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def media_type_of(headers: Headers) -> str:
    """Give the media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class BodyPacked(BrokerError):
    """An upload is compressed, or says so."""

    code: ClassVar[str] = "unsupported-media-type"
    title: ClassVar[str] = "The body has a media type that is not taken here"
    # RFC 9110 §12.5.3: what would be taken.
    headers: ClassVar[dict[str, str]] = {
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def require_plain(headers: Headers) -> None:
    """Raise ``BodyPacked`` where lines would have to be unpacked first."""
    named = ",".join(headers.getlist("content-encoding")).split(",")
    if not {one.strip().lower() for one in named} <= {"", "identity"}:
        raise BodyPacked(
            "uploads are not unpacked: send the lines as they are, in UTF-8 and "
            "without Content-Encoding"
        )


def _is_bounded(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
        return False
    if not STREAMED_PATHS.fullmatch(scope["path"]):
        return True
    return media_type_of(Headers(scope=scope)) not in STREAMED_TYPES


def _is_json(headers: Headers) -> bool:
    media_type = media_type_of(headers)
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _is_utf8(body: bytes) -> bool:
    """Tell UTF-8 from what readers of JSON would guess; JSON has no bare NUL."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


def _names_twice(body: bytes) -> bool:
    """Tell whether a member comes twice: readers differ in which of the two counts.

    Signed reports are evidence, and must say the same to everybody. What is no JSON at
    all is left to the routes.
    """
    try:
        json.loads(body, object_pairs_hook=_once)
    except _Twice:
        return True
    except (ValueError, RecursionError):
        pass
    return False


class _Twice(Exception):
    """A member comes twice."""


def _once(pairs: Sequence[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _Twice


def _replay(body: bytes, receive: Receive) -> Receive:
    handed_over = False

    async def replay() -> Message:
        nonlocal handed_over
        if handed_over:
            return await receive()
        handed_over = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
