"""A platform's endpoint for real, that keeps the contract but for one planted fault.

It knows nothing of ours but the table of numbers, the contract, and the official
library by which it verifies.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from aiohttp import web

from tests.conformance.accounts import Accounts, Line
from tests.conformance.verifying import SIGNATURE, Refusal, verify
from tests.support.waiting import PATIENCE
from unbind_broker.base.signing import sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey

FAILS = {
    "fails-tests": "endpoint.test",
    "fails-queries": "query.requested",
    "fails-reminders": "unbind.reminder",
    "fails-clearances": "clearance.published",
}
"""Faults that are nothing but an answer of 500 to one type."""
REQUESTS = frozenset({"query.requested", "unbind.requested", "restore.requested"})
FULL = 10
DROPPED = {"drops-the-last": "unbind.requested"}


@dataclass
class Platform:
    """``pause`` is how long it takes to report; None: it answers at once."""

    secret: str
    key: str
    broker: str
    fault: str = ""
    pause: float | None = None
    signs_with: PrivateKey | None = None
    url: str = ""
    results: dict[str, Line] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.fault)
        self.reports = count(1)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Platform"]:
        if not self.fault.startswith("unseeded"):
            self.accounts.seed()
        runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hooks"
        # Nothing is called by TLS, and trusted roots take long to load.
        self.http = httpx.AsyncClient(
            base_url=self.broker,
            timeout=PATIENCE,
            trust_env=False,
            verify=False,  # noqa: S501 - plain http on loopback
        )
        try:
            yield self
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await self.http.aclose()
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            event = self.verified(headers, body)
        except Refusal as refusal:
            if self.fault.startswith("refuses-and") and SIGNATURE not in headers:
                self._act_all_the_same(json.loads(body))
            return web.Response(status=refusal.status)
        if self.fault == "redirects-everything":
            return web.Response(status=302, headers={"location": "/elsewhere"})
        if event["type"] in REQUESTS:
            answer = await self.take(event, headers.get("webhook-id", ""))
        else:
            answer = await self.hear(event["type"], event["data"])
        if self.fault == "closes-connections":
            answer.force_close()
        return await self.answer(request, answer)

    async def answer(
        self, _request: web.BaseRequest, given: web.Response
    ) -> web.StreamResponse:
        """Send the answer."""
        return given

    def verified(self, headers: dict[str, str], body: bytes) -> Line:
        """Read the event; raises ``Refusal``."""
        return verify(self.secret, headers, body, self.fault)

    def _act_all_the_same(self, event: Line) -> None:
        """Do, or say, what was just refused."""
        if event["type"] != "unbind.requested":
            return
        for item in event["data"]["items"]:
            if self.fault == "refuses-and-acts":
                self.accounts.do(event["type"], item)
            if self.fault == "refuses-and-reports":
                self.report_later([{"id": item["id"], "outcome": "not_bound"}])

    async def hear(self, kind: str, data: Any) -> web.Response:
        status = 500 if kind == FAILS.get(self.fault) else 204
        match kind:
            case "endpoint.verification":
                return await self._challenge(data["challenge"])
            case "unbind.cancelled" if self.fault != "ignores-cancellations":
                self.cancelled |= {item["id"] for item in data["items"]}
            case "clearance.published" if status < 500 and self.is_new(data):
                self._spawn(self.clear(data))
            case "weather.changed" if self.fault == "redirects":
                return web.Response(status=307, headers={"location": "/elsewhere"})
            case "weather.changed" if self.fault == "refuses-unknown-types":
                status = 400
            case _:
                pass
        return web.Response(status=status)

    def is_new(self, published: Line) -> bool:
        """Tell whether a wave was not published before."""
        is_new = published["manifest"] not in self.seen
        self.seen.add(published["manifest"])
        return is_new

    async def _challenge(self, challenge: str) -> web.Response:
        if self.fault == "slow-challenge":
            await asyncio.sleep(2.5)
        if self.fault == "wrong-challenge":
            challenge = challenge[::-1]
        return web.json_response({"challenge": challenge})

    async def take(self, event: Line, webhook_id: str) -> web.Response:
        kind, items = event["type"], event["data"]["items"]
        status = self._refusal(event, kind, items)
        if status is not None:
            return web.Response(status=status)
        if self.fault == "races" and kind == "unbind.requested":
            await self._dawdle({item["id"] for item in items} - self.results.keys())
        at_once: list[Line] = []
        later: list[Line] = []
        for place, item in enumerate(items):
            if place >= FULL and kind == DROPPED.get(self.fault):
                continue
            line = await self.one(kind, item, webhook_id)
            is_late = self.pause is not None or self.accounts.is_slow(
                kind, item["number"]
            )
            (later if is_late else at_once).extend([line] if line else [])
        self.seen.add(webhook_id)
        self.report_later(later)
        return self._answer(at_once)

    async def _dawdle(self, unknown: set[str]) -> None:
        """Act later on what was looked up before, whatever came meanwhile."""
        await asyncio.sleep(0.2)
        for item_id in unknown:
            self.results.pop(item_id, None)

    def _answer(self, lines: list[Line]) -> web.Response:
        results: object = lines
        is_held = bool(lines) and lines[0].get("reason") == "legal_hold"
        if self.fault == "results-no-list" and is_held:
            results = lines[0]
        text = json.dumps({"results": results})
        text += " " * 200_000 if self.fault == "long-answers" else ""
        return web.Response(text=text, content_type="application/json")

    def _refusal(self, event: Line, kind: str, items: list[Line]) -> int | None:
        first = items[0]["number"]
        only = first if len(items) == 1 else ""
        is_query = kind == "query.requested"
        faults = {
            "fails-queries": (500, is_query),
            "fails-once": (500, only == "+8613800002000"),
            "strict-fields": (422, "x_new" in event),
            "wants-batches": (400, not is_query and only == "+8613800005010"),
            "small-queries": (413, len(items) > FULL and first == "+8613800005200"),
            "throttles": (429, only == "+8613800005200"),
        }
        status, applies = faults.get(self.fault, (0, False))
        return status if applies else None

    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if item["id"] in self.cancelled:
            done = {"outcome": "unbound", "last_bound_at": "2023-06-02T16:00:00Z"}
            claims = self.fault == "claims-what-was-cancelled"
            return {"id": item["id"], **done} if claims else None
        if self._knows(item["id"], webhook_id):
            return self.results[item["id"]]
        line = None if self.fault == "says-nothing" else self.accounts.do(kind, item)
        if line is not None:
            self.results[item["id"]] = line
        if self.fault == "forgets-what-it-restored" and kind == "restore.requested":
            self.results.pop(item["restores"], None)
        return line

    def _knows(self, item_id: str, webhook_id: str) -> bool:
        match self.fault:
            case "acts-twice":
                return False
            case "knows-webhook-ids-only" if webhook_id not in self.seen:
                return False
            case "acts-again-on-a-retry" if webhook_id in self.seen:
                return False
            case _:
                return item_id in self.results

    def report_later(self, lines: list[Line]) -> None:
        if not lines or self.fault == "forgets-slow-ones":
            return
        told = [lines]
        if self.fault == "changes-its-mind":
            told.append([{"id": lines[0]["id"], "outcome": "not_bound"}])
        if self.fault == "reports-strangers":
            stranger = lines[0]["id"][:-2] + "zz"
            told.append([{"id": stranger, "outcome": "not_bound"}])
        self._spawn(self._report(told))

    async def _report(self, told: list[list[Line]]) -> None:
        await asyncio.sleep(self.pause or 0.01)
        if self.fault == "wrong-form":
            await self._call("/v1/results", b'{"result": []}', "odd")
        for lines in told:
            await self.post("/v1/results", {"results": lines})

    async def post(self, path: str, value: Line) -> None:
        """Report until it is taken, under one webhook-id."""
        body, webhook_id = json.dumps(value).encode(), f"rep_{next(self.reports)}"
        while await self._call(path, body, webhook_id) == 503:
            if self.fault == "reports-once":
                return
            if self.fault == "changes-webhook-id":
                webhook_id = f"rep_{next(self.reports)}"
            await asyncio.sleep(0.02)

    async def _call(self, path: str, body: bytes, webhook_id: str) -> int:
        wrong = self.fault == "wrong-key" and path == "/v1/results"
        headers = {"authorization": f"Bearer {'other' if wrong else self.key}"}
        if self.signs_with is not None:
            now = datetime.now(UTC)
            signature = sign_v1a(self.signs_with, webhook_id, now, body)
            headers |= signature_headers(webhook_id, now, signature)
        answer = await self.http.post(path, content=body, headers=headers)
        return answer.status_code

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def clear(self, published: Line) -> None:
        path = f"/v1/clearances/{published['id']}/findings"
        if self.fault == "completes-unread":
            await self.post(path, {"findings": [], "complete": True})
        listed = await self._read(published["manifest"])
        cleared = [self.accounts.clear(published["id"], one) for one in listed]
        findings = [one for one in cleared if one is not None]
        complete = self.fault != "never-completes"
        await self.post(path, {"findings": findings, "complete": complete})

    async def _read(self, path: str) -> list[Line]:
        listed: list[Line] = []
        following = ""
        while True:
            headers = {"authorization": f"Bearer {self.key}"}
            answer = await self.http.get(f"{path}{following}", headers=headers)
            page = answer.json()
            listed += page["data"]
            if page["next_cursor"] is None or self.fault == "reads-one-page":
                return listed
            following = f"&cursor={page['next_cursor']}"
