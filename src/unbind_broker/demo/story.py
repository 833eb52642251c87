"""The demonstration: a query and an order over every platform, told as it happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from unbind_broker.base.clock import Clock
from unbind_broker.client import Client
from unbind_broker.demo.broker_client import BrokerClient, open_http
from unbind_broker.demo.carrier import NUMBER, Carrier, Standing
from unbind_broker.demo.cast import character
from unbind_broker.demo.farewell import show_farewell
from unbind_broker.demo.screen import Screen
from unbind_broker.demo.simulation import Play, Simulation, simulated_by_admin
from unbind_broker.platforms.catalogue import CatalogueEntry

CARRIER = "demo-carrier"
PATIENCE = 90.0
"""Seconds that a query or an order may take before the story is given up."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story takes place. ``named`` orders name their platforms one by one."""

    broker_url: str
    admin_key: str
    entries: Sequence[CatalogueEntry]
    named: bool
    clock: Clock


async def tell(stage: Stage, screen: Screen, *, stay: asyncio.Event | None) -> bool:
    """Tell the story; with ``stay``, wait for that in the end.

    True if every item of the query and of the order became final.
    """
    started = perf_counter()
    async with (
        _platforms(stage, screen) as simulation,
        open_http(stage.broker_url) as http,
    ):
        keys = await _keys(stage, BrokerClient(http, stage.admin_key), simulation)
        named = [entry.slug for entry in stage.entries] if stage.named else None
        screen.head(f"A carrier asks about {NUMBER} (made up), then has it unbound")
        async with Client(stage.broker_url, keys["carrier"]) as broker:
            carrier = Carrier(broker, named)
            with screen.following():
                query = await carrier.query(stage.clock.now())
                query = await _see_through(carrier, "query", query, screen)
                order = await carrier.order(stage.clock.now())
                order = await _see_through(carrier, "order", order, screen)
        screen.head("Outcome")
        screen.table(query, order)
        screen.outcome("Query", query)
        screen.outcome("Order", order)
        screen.say(f"It took {perf_counter() - started:.1f} s.")
        if stay is not None:
            show_farewell(screen, stage.broker_url, keys, order)
            await stay.wait()
    return query.is_done and order.is_done


@asynccontextmanager
async def _platforms(stage: Stage, screen: Screen) -> AsyncIterator[Simulation]:
    screen.head(f"{len(stage.entries)} platforms register and verify their endpoints")
    screen.say(
        "They are simulated: some are slow, refuse, fail first, answer later or in "
        "steps."
    )
    play = Play(stage.clock, character)
    async with simulated_by_admin(
        stage.broker_url, stage.admin_key, stage.entries, play
    ) as simulation:
        yield simulation


async def _keys(
    stage: Stage, admin: BrokerClient, simulation: Simulation
) -> dict[str, str]:
    """Give one key of each role."""
    named = {"slug": CARRIER, "name_zh": "示范运营商", "name_en": "Demo Carrier"}
    await admin.make("/v1/admin/carriers", named)
    keys = {
        "carrier": {"role": "carrier", "carrier": CARRIER, "name": "demo"},
        "auditor": {"role": "auditor", "name": "demo"},
    }
    issued = {
        role: (await admin.call("POST", "/v1/admin/keys", asked)).body["key"]
        for role, asked in keys.items()
    }
    platform = simulation.keys[stage.entries[0].slug]
    return {**issued, "platform": platform, "admin": stage.admin_key}


async def _see_through(
    carrier: Carrier, name: str, standing: Standing, screen: Screen
) -> Standing:
    async for seen in carrier.follow(standing, PATIENCE):
        screen.show(name, seen)
        standing = seen
    return standing
