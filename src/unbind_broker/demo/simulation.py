"""Run simulated platforms beside a broker."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from unbind_broker.base.clock import Clock
from unbind_broker.demo.broker_client import BrokerClient, open_http
from unbind_broker.demo.clearing import Clearer
from unbind_broker.demo.enrolment import (
    create_platforms,
    issue_keys,
    register_endpoints,
)
from unbind_broker.demo.http_server import HttpServer
from unbind_broker.demo.reports import Reporter
from unbind_broker.demo.simulated_platforms import SimulatedPlatforms
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.platforms.catalogue import CatalogueEntry


@dataclass(frozen=True, slots=True)
class Site:
    """Where the platforms listen; ``public_url`` if the broker must use another."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """How the platforms behave, and where."""

    clock: Clock
    traits: Callable[[str], Traits]
    site: Site = Site()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Simulation:
    """Platforms that are enrolled and answer."""

    broker_url: str
    url: str
    keys: Mapping[str, str]
    platforms: SimulatedPlatforms
    reporter: Reporter
    clearer: Clearer


@asynccontextmanager
async def simulated_by_admin(
    broker_url: str,
    admin_key: str,
    entries: Sequence[CatalogueEntry],
    play: Play,
) -> AsyncIterator[Simulation]:
    """Create missing platforms and their keys as administrator, then simulate them."""
    async with open_http(broker_url) as http:
        admin = BrokerClient(http, admin_key)
        await create_platforms(admin, entries)
        keys = await issue_keys(admin, [entry.slug for entry in entries])
    async with simulated(broker_url, keys, play) as simulation:
        yield simulation


@asynccontextmanager
async def simulated(
    broker_url: str, keys: Mapping[str, str], play: Play
) -> AsyncIterator[Simulation]:
    """Register, verify and serve the platforms that ``keys`` names by slug."""
    dice = Dice(play.seed)
    reporter = Reporter(broker_url)
    clearer = Clearer(broker_url, play.clock, dice)
    platforms = SimulatedPlatforms(reporter, clearer, play.clock, dice)
    server = HttpServer(platforms.handle)
    try:
        await server.start(play.site.host, play.site.port)
        url = play.site.public_url or _url(play.site.host, server.port)
        await _enrol(broker_url, keys, play, platforms, url)
        yield Simulation(broker_url, url, keys, platforms, reporter, clearer)
    finally:
        await server.close()
        await clearer.close()
        await reporter.close()


async def _enrol(
    broker_url: str,
    keys: Mapping[str, str],
    play: Play,
    platforms: SimulatedPlatforms,
    url: str,
) -> None:
    opened = []
    for slug, key in keys.items():
        platform = platforms.add(slug, play.traits(slug))
        platform.key = key
        opened.append(platform)
    async with open_http(broker_url) as http:
        await register_endpoints(http, opened, url)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
