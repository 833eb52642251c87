"""Everything that a carrier can read, made comparable: ids become places in a line.

A reader is a name and a call. Whoever adds a route for carriers adds a reader here.
"""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.order_api import NUMBER, Scene

_ID = re.compile(
    r"(?:ord|qry|evt|clr|att)_[0-9a-z]{26}"
    r"|(?<=\"next_cursor\":\")[\w=-]+"
    r"|(?<=\"id\":\")[0-9a-f]{24}(?=\")"
    r"|(?:(?<=\"last_event_id\":\")|(?<=\nid: ))[\w-]{8}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
# Digests and signatures of texts that hold ids differ wherever the ids do.
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b|\b(?:[0-9a-f]{4,8}[ …]){2,}[0-9a-f]{4,8}\b")
_JWS = re.compile(r"[\w-]{20,}\.[\w-]{20,}\.[\w-]{80,}")
_BY_CHANCE = re.compile(r'"request_id": ?"[^"]*"|(?<=retry: )\d+')
_UNRELATED = {"date", "x-request-id", "content-length", "etag", "ratelimit"}


@dataclass
class Eyes:
    """A carrier, and what it asked for: ``about`` is the resource it looks at."""

    scene: Scene
    about: str = ""
    asked: tuple[str, dict[str, Any], dict[str, str]] = ("", {}, {})
    _names: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Post, and look at what comes of it from now on."""
        self.asked = (path, body, headers or {})
        answer = await self.scene.post(path, body, headers)
        assert answer.status_code in {200, 202}, answer.text
        self.about = answer.headers["Location"]
        return answer

    async def look(self) -> dict[str, object]:
        """Read everything there is to read."""
        return {name: self.seen(await read(self)) for name, read in READERS.items()}

    def seen(self, answer: httpx.Response) -> object:
        """Give an answer with everything that tells worlds apart by chance replaced."""
        headers = {
            name: self._plain(value)
            for name, value in answer.headers.items()
            if name not in _UNRELATED
        }
        return answer.status_code, headers, self._plain(_text(answer))

    def _plain(self, text: str) -> str:
        named = _ID.sub(self._name, text)
        named = _JWS.sub("<signed>", named)
        return _BY_CHANCE.sub("", _DIGEST.sub("<digest>", named))

    def _name(self, found: re.Match[str]) -> str:
        return self._names.setdefault(found[0], f"<{len(self._names)}>")


def _text(answer: httpx.Response) -> str:
    """Open a receipt, so that what was signed is compared and not its signature."""
    if not answer.headers.get("content-type", "").startswith("application/jose"):
        return answer.text
    payload = answer.text.split(".")[1]
    whole = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return json.dumps(whole, ensure_ascii=False)


Reader = Callable[[Eyes], Awaitable[httpx.Response]]


def _get(path: str, **query: str | int) -> Reader:
    return lambda eyes: eyes.scene.get(path.format(about=eyes.about), **query)


async def _search(eyes: Eyes) -> httpx.Response:
    return await eyes.scene.post("/v1/orders/search", {"number": NUMBER})


async def _disclosure(eyes: Eyes) -> httpx.Response:
    return await eyes.scene.post("/v1/numbers/disclosure", {"number": NUMBER})


async def _repeat(eyes: Eyes) -> httpx.Response:
    path, body, headers = eyes.asked
    if "Idempotency-Key" not in headers:
        return await eyes.scene.get(eyes.about)
    return await eyes.scene.post(path, body, headers)


async def _page(eyes: Eyes) -> httpx.Response:
    headers = {**eyes.scene.carrier_headers, "Accept": "text/html"}
    return await eyes.scene.http.get(f"{eyes.about}/receipt", headers=headers)


async def _stream(eyes: Eyes) -> httpx.Response:
    """Follow the events until the first piece of them has come, and leave."""
    app = eyes.scene.http._transport.app  # type: ignore[attr-defined] # in this process
    given: dict[str, Any] = {"body": b""}
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        given["body"] += message.pop("body", b"")
        given.update(message)
        if given["body"]:
            left.set()

    path = f"{eyes.about}/events"
    asked = {**eyes.scene.carrier_headers, "Accept": "text/event-stream"}
    request = httpx.Request("GET", f"http://broker{path}", headers=asked)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("broker", 80),
    }
    await app(scope, receive, send)
    return httpx.Response(
        given["status"], headers=given["headers"], content=given["body"]
    )


READERS: dict[str, Reader] = {
    "resource": _get("{about}"),
    "list": _get("/v1/orders"),
    "list of queries": _get("/v1/queries"),
    **{
        f"list {status}": _get("/v1/orders", status=status)
        for status in ("held", "in_progress", "completed", "cancelled")
    },
    "search": _search,
    "repetition": _repeat,
    "disclosure": _disclosure,
    "directory": _get("/v1/platforms"),
    "punctuality": _get("/v1/punctuality"),
    "receipt": _get("{about}/receipt"),
    "second receipt": _get("{about}/receipt", version=2),
    "receipt to print": _page,
    "timeline": _get("{about}/events"),
    "stream": _stream,
    "feed": _get("/v1/events"),
    "webhooks": _get("/v1/endpoint/attempts"),
    "as another kind": lambda eyes: eyes.scene.get(
        eyes.about.replace("orders", "queries")
    ),
}
