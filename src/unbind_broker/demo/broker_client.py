"""Call the broker as an outsider does: by HTTP, with a key."""

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from unbind_broker.base.errors import BrokerError
from unbind_broker.client.http_client import HttpClient

MOST_TRIES = 6
LONGEST_PAUSE = 2.0
_CREATED = 201
_CONFLICT = 409
_LATER = frozenset({429, 502, 503, 504})


class CallFailed(BrokerError):
    """The broker refused a call, or cannot be reached."""

    code: ClassVar[str] = "call-failed"
    title: ClassVar[str] = "The broker refused a call"

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class Called:
    """An answer of the broker."""

    status: int
    body: dict[str, Any]

    @property
    def created(self) -> bool:
        """Tell whether something new was made."""
        return self.status == _CREATED


def open_http(broker_url: str, *, connections: int = 16) -> httpx.AsyncClient:
    """Open the connections that several callers may share."""
    return HttpClient(
        base_url=broker_url,
        timeout=httpx.Timeout(60, connect=10, pool=None),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections
        ),
        trust_env=False,
    )


class BrokerClient:
    """Speak to the broker with one key; busy answers are tried again."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http = http
        self._key = key

    async def get(self, path: str) -> dict[str, Any]:
        """Read a resource."""
        return (await self.call("GET", path)).body

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Read a list to its end."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            after = "" if cursor is None else f"&cursor={cursor}"
            page = await self.get(f"{path}?limit=200{after}")
            rows += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows

    async def make(self, path: str, body: dict[str, Any]) -> bool:
        """Create a resource by POST; tells whether it was not there before."""
        try:
            await self.call("POST", path, body)
        except CallFailed as error:
            if error.status == _CONFLICT:
                return False
            raise
        return True

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
    ) -> Called:
        """Make one call; raises ``CallFailed`` with what the broker said."""
        wait = 0.0
        answer: httpx.Response | None = None
        for tries in range(MOST_TRIES):
            await asyncio.sleep(wait)
            wait = min(LONGEST_PAUSE, 0.1 * 2.0**tries)
            try:
                answer = await self._http.request(
                    method,
                    path,
                    json=body,
                    headers={"Authorization": f"Bearer {self._key}"},
                )
            except httpx.ConnectError:
                continue
            except httpx.HTTPError as error:
                raise CallFailed(
                    f"{method} {path}: {self._http.base_url} broke off "
                    f"({type(error).__name__})"
                ) from error
            if answer.status_code not in _LATER:
                return _called(method, path, answer)
        if answer is None:
            raise CallFailed(f"there is no broker at {self._http.base_url}")
        return _called(method, path, answer)


def _called(method: str, path: str, answer: httpx.Response) -> Called:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = {}
    if answer.is_success and isinstance(body, dict):
        return Called(answer.status_code, body)
    said = body.get("detail") if isinstance(body, dict) else None
    raise CallFailed(
        f"{method} {path} was answered {answer.status_code}: "
        f"{said or 'no problem document; is this the address of a broker?'}",
        answer.status_code,
    )
