"""Make calls: each is tried until it is answered, and never carried out twice."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from unbind_broker.client.errors import (
    Problem,
    Unreachable,
    WrongField,
    refusal,
)
from unbind_broker.client.retrying import Repeat, Retrying, may_repeat

log = logging.getLogger(__name__)

LONGEST_PROBLEM = 64 * 1024
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with the very bytes that every try sends.

    The answer may be silent for ``seconds`` longer than usual.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeat: Repeat = Repeat.ALWAYS
    seconds: float = 0.0

    def with_json(self, body: object) -> "Call":
        """Carry a JSON body."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return self.with_content(content, "application/json")

    def with_content(self, content: bytes, media_type: str) -> "Call":
        """Carry a body of any type."""
        headers = {**self.headers, "Content-Type": media_type}
        return replace(self, content=content, headers=headers)

    def with_header(self, name: str, value: str) -> "Call":
        """Carry one more header."""
        return replace(self, headers={**self.headers, name: value})

    def patient(self, seconds: float) -> "Call":
        """Let the answer be silent for ``seconds`` longer than usual."""
        return replace(self, seconds=seconds)

    def once(self, idempotency_key: str | None) -> "Call":
        """Carry an ``Idempotency-Key``: the caller's own, or one made here and kept."""
        return self.with_header(
            "Idempotency-Key", idempotency_key or secrets.token_urlsafe(18)
        )


@dataclass(frozen=True, slots=True)
class Calls:
    """Make calls over shared connections."""

    http: httpx.AsyncClient
    retrying: Retrying
    roll: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def make(self, call: Call) -> httpx.Response:
        """Make a call and read its whole answer; raises an ``UnbindError``."""
        return await self._answered(call, whole=True)

    @asynccontextmanager
    async def opened(self, call: Call) -> AsyncIterator[httpx.Response]:
        """Make a call and hand over its answer unread; raises an ``UnbindError``.

        What breaks off while the answer is read is the reader's to repeat.
        """
        answer = await self._answered(call, whole=False)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _answered(self, call: Call, *, whole: bool) -> httpx.Response:
        failed = 0
        while True:
            trouble: Exception
            try:
                answer = await self._try(call, whole=whole)
            except httpx.RequestError as error:
                trouble = _unreachable(call, error)
                again = call.repeat is Repeat.ALWAYS or isinstance(error, _UNSENT)
                asked = None
            else:
                if answer.is_success:
                    return answer
                problem = _problem(answer)
                trouble, asked = refusal(problem), problem.retry_after
                again = may_repeat(problem.status, problem.code, call.repeat)
            failed += 1
            wait = self.retrying.pause(failed, self.roll(), asked) if again else None
            if wait is None:
                raise trouble
            log.info("call_repeated", extra=_told(call, failed, wait))
            await self.sleep(wait)

    async def _try(self, call: Call, *, whole: bool) -> httpx.Response:
        request = self.http.build_request(
            call.method,
            call.path,
            params=dict(call.params) or None,
            content=call.content,
            headers=dict(call.headers),
            timeout=self._timeout(call),
        )
        answer = await self.http.send(request, stream=True)
        if whole or not answer.is_success:
            try:
                await answer.aread()
            finally:
                await answer.aclose()
        return answer

    def _timeout(self, call: Call) -> httpx.Timeout:
        timeout = self.http.timeout
        return httpx.Timeout(
            connect=timeout.connect,
            read=None if timeout.read is None else timeout.read + call.seconds,
            write=timeout.write,
            pool=timeout.pool,
        )


def _unreachable(call: Call, error: httpx.RequestError) -> Unreachable:
    unsent = isinstance(error, _UNSENT)
    what = "could not be sent" if unsent else "was not answered"
    return Unreachable(
        f"{call.method} {call.path} {what} ({type(error).__name__})", unsent=unsent
    )


def _problem(answer: httpx.Response) -> Problem:
    told = _document(answer.content)
    errors = told.get("errors")
    return Problem(
        status=answer.status_code,
        code=str(told.get("code") or "unknown"),
        detail=str(told.get("detail") or "no problem document; is this a broker?"),
        request_id=str(told.get("request_id") or "")
        or answer.headers.get("x-request-id"),
        errors=tuple(_wrong_fields(errors if isinstance(errors, list) else [])),
        retry_after=_retry_after(answer.headers),
    )


def _document(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content) if len(content) <= LONGEST_PROBLEM else None
    except (ValueError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {}


def _wrong_fields(errors: list[Any]) -> list[WrongField]:
    return [
        WrongField(str(one.get("pointer", "")), str(one.get("detail", "")))
        for one in errors
        if isinstance(one, dict)
    ]


def _retry_after(headers: httpx.Headers) -> float | None:
    """Read ``Retry-After`` (RFC 9110 §10.2.3); a date counts from the answer's own."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told[:9])
    try:
        until = parsedate_to_datetime(told)
        span = until - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, span.total_seconds())


def _told(call: Call, failed: int, wait: float) -> dict[str, object]:
    return {
        "method": call.method,
        "path": call.path,
        "failed": failed,
        "wait": round(wait, 3),
    }
