"""Carriers and platforms that call the API about orders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_carrier, a_key
from tests.support.clock import FixedClock
from tests.support.order_builders import a_reachable_platform
from unbind_broker.carriers.service import Carrier
from unbind_broker.endpoints.states import Delivery
from unbind_broker.platforms.service import Platform

NUMBER = "+8613800001234"
CONSENT = {"method": "sms_otp", "at": "2026-11-20T04:00:00Z"}


@dataclass
class Scene:
    """One carrier, platforms, a client for each."""

    http: httpx.AsyncClient
    engine: AsyncEngine
    clock: FixedClock
    carrier: Carrier
    carrier_headers: dict[str, str]
    platforms: dict[str, Platform] = field(default_factory=dict)
    platform_headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def add_platform(
        self,
        slug: str,
        *,
        sensitive: bool = False,
        capabilities: tuple[str, ...] = ("detach",),
        delivery: Delivery = Delivery.PUSH,
        result_public_key: str | None = None,
    ) -> Platform:
        async with self.engine.begin() as db:
            platform = await a_reachable_platform(
                db,
                slug,
                sensitive=sensitive,
                capabilities=capabilities,
                delivery=delivery,
                result_public_key=result_public_key,
            )
            key = await a_key(db, platform)
        self.platforms[slug] = platform
        self.platform_headers[slug] = bearer(key)
        return platform

    async def add_carrier(self, slug: str) -> dict[str, str]:
        async with self.engine.begin() as db:
            return bearer(await a_key(db, await a_carrier(db, slug)))

    async def post(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Post as the carrier."""
        sent = {**self.carrier_headers, **(headers or {})}
        return await self.http.post(path, json=body, headers=sent)

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        """Get as the carrier."""
        return await self.http.get(path, params=query, headers=self.carrier_headers)

    async def report(self, slug: str, *lines: object) -> httpx.Response:
        """Report as a platform."""
        return await self.http.post(
            "/v1/results",
            json={"results": lines},
            headers=self.platform_headers[slug],
        )


@asynccontextmanager
async def a_scene(
    engine: AsyncEngine, clock: FixedClock, *slugs: str, **settings: object
) -> AsyncIterator[Scene]:
    """A carrier with its key, and reachable platforms with theirs."""
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        key = await a_key(db, carrier)
    async with in_process(a_runtime(engine, clock, **settings)) as http:
        scene = Scene(http, engine, clock, carrier, bearer(key))
        for slug in slugs:
            await scene.add_platform(slug)
        yield scene


def query_body(**changes: Any) -> dict[str, Any]:
    return _body({"number": NUMBER, "owner_since": "2025-03-01"}, changes)


def order_body(**changes: Any) -> dict[str, Any]:
    return query_body(**changes)


def after_query(query_id: str, **changes: Any) -> dict[str, Any]:
    return _body({"query_id": query_id}, changes)


def _body(basis: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    whole = {**basis, "consent": CONSENT, **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def not_bound(item_id: str) -> dict[str, Any]:
    return {"id": item_id, "outcome": "not_bound"}
