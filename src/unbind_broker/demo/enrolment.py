"""Enrol simulated platforms with a broker, through its API alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx

from unbind_broker.demo.broker_client import BrokerClient
from unbind_broker.demo.simulated_platforms import PREFIX, SimulatedPlatform
from unbind_broker.platforms.catalogue import CatalogueEntry, load_catalogue

AT_ONCE = 12
KEY_NAME = "simulated platform"


def choose_platforms(how_many: int | None) -> list[CatalogueEntry]:
    """Take platforms from the catalogue, and invent more when it has too few."""
    catalogue = list(load_catalogue())
    if how_many is None:
        return catalogue
    invented = [
        CatalogueEntry(
            slug=f"simulated-{number:04}",
            name_zh=f"模拟平台 {number}",
            name_en=f"Simulated {number}",
            category="other",
            sensitive=False,
            domains=(),
        )
        for number in range(len(catalogue) + 1, how_many + 1)
    ]
    return [*catalogue, *invented][:how_many]


async def create_platforms(
    admin: BrokerClient, entries: Sequence[CatalogueEntry]
) -> int:
    """Create those that the broker does not know yet; gives how many that were."""
    known = {row["slug"] for row in await admin.all("/v1/admin/platforms")}
    missing = [entry for entry in entries if entry.slug not in known]
    await _each(
        missing, lambda entry: admin.make("/v1/admin/platforms", _platform(entry))
    )
    return len(missing)


async def issue_keys(admin: BrokerClient, slugs: Sequence[str]) -> dict[str, str]:
    """Issue a key to every platform."""
    keys: dict[str, str] = {}

    async def issue(slug: str) -> None:
        asked = {"role": "platform", "platform": slug, "name": KEY_NAME}
        issued = await admin.call("POST", "/v1/admin/keys", asked)
        keys[slug] = issued.body["key"]

    await _each(slugs, issue)
    return keys


async def register_endpoints(
    http: httpx.AsyncClient, platforms: Sequence[SimulatedPlatform], base_url: str
) -> None:
    """Register and verify every platform's endpoint below ``base_url``."""

    async def register(platform: SimulatedPlatform) -> None:
        client = BrokerClient(http, platform.key)
        url = f"{base_url}{PREFIX}{platform.mind.slug}"
        registered = await client.call("PUT", "/v1/endpoint", {"url": url})
        secret = registered.body.get("secret")
        if secret is None:
            # It was registered by an earlier run, which took the secret with it.
            rotated = await client.call(
                "POST", "/v1/endpoint/rotate-secret", {"grace_seconds": 0}
            )
            secret = rotated.body["secret"]
        platform.secret = secret
        await client.call("POST", "/v1/endpoint/verify")

    await _each(platforms, register)


async def _each(
    things: Sequence[Any], action: Callable[[Any], Awaitable[object]]
) -> None:
    """Do it for every thing, a few at once; the first failure ends it all."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(thing: object) -> None:
        async with room:
            await action(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for thing in things:
                group.create_task(one(thing))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def _platform(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "name_zh": entry.name_zh,
        "name_en": entry.name_en,
        "category": entry.category,
        "sensitive": entry.sensitive,
        "domains": list(entry.domains),
    }
