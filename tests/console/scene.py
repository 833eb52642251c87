"""A console to visit: without a browser, by its forms as a browser sends them."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, in_process
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from unbind_broker.keys.service import IssuedKey
from unbind_broker.keys.tables import Role

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@dataclass
class Console:
    """One browser's worth of cookies; redirects are not followed."""

    http: httpx.AsyncClient
    engine: AsyncEngine
    clock: FixedClock
    origin: str = "http://broker"
    keys: dict[Role, IssuedKey] = field(default_factory=dict)

    async def key(self, role: Role = Role.ADMIN) -> IssuedKey:
        """Issue a key of this role, or take the one that there is."""
        if role not in self.keys:
            async with self.engine.begin() as db:
                self.keys[role] = await a_key(db, role, now=self.clock.now())
        return self.keys[role]

    async def sign_in(self, role: Role = Role.ADMIN) -> httpx.Response:
        key = await self.key(role)
        return await self.post("/console/login", {"key": key.key})

    async def get(self, path: str, **headers: str) -> httpx.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(path, headers=fields)

    async def post(
        self, path: str, fields: Mapping[str, str], **headers: str
    ) -> httpx.Response:
        """Send a form from the console's own origin."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(
            path, data=dict(fields), headers={"origin": self.origin, **told}
        )

    async def token(self) -> str:
        """Read the token of this login from a page."""
        page = await self.get("/console/session")
        return hidden(page)["_token"]

    async def act(self, path: str, **fields: str) -> httpx.Response:
        """Send the form of an action, with the token of this login."""
        return await self.post(path, {**fields, "_token": await self.token()})

    async def fill(self, page: str, path: str, /, **fields: str) -> httpx.Response:
        """Send a form of a page, with what the page itself puts into its forms."""
        own = hidden(await self.get(page))
        held = {name: own[name] for name in own if name.startswith("_")}
        return await self.post(path, {**fields, **held})

    async def seek(self, among: str, /, **fields: str) -> httpx.Response:
        """Seek in a list by its form, and go where that leads."""
        led = await self.act(f"/console/seek/{among}", **fields)
        return await self.get(led.headers["location"], accept_language="en")

    async def confirm(self, path: str, preview: httpx.Response) -> httpx.Response:
        """Send what a preview would send."""
        return await self.post(path, hidden(preview))


@asynccontextmanager
async def a_console(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Console]:
    async with in_process(a_runtime(engine, clock)) as http:
        yield Console(http, engine, clock)


def hidden(page: httpx.Response) -> dict[str, str]:
    """Read the hidden fields of a page, of its last form where names come again."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
