"""A carrier rehearses with test numbers: broker, worker and simulated platforms."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.working import working
from tests.worker.stage import short
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.magic_numbers import BLOCKS, NOTHING, OWNER_SINCE, Block
from unbind_broker.client import Client, Consent, Question, Unbinding
from unbind_broker.client.order_shapes import Item
from unbind_broker.demo.broker_client import BrokerClient, open_http
from unbind_broker.demo.enrolment import choose_platforms
from unbind_broker.demo.simulation import Play, Simulation, simulated_by_admin
from unbind_broker.demo.traits import Traits
from unbind_broker.keys.tables import Role
from unbind_broker.runtime.opening import Runtime

CLOCK = SystemClock()
WORST = Traits(
    latency=timedelta(0),
    fail_rate=1.0,
    refuse_rate=1.0,
    partly_rate=1.0,
    report_rate=1.0,
    late_rate=1.0,
    contradict_rate=1.0,
)
NAMED = {block.name: block for block in (*BLOCKS, NOTHING)}
PROMPT = {
    "before": ("unbound", None),
    "on-border": ("not_bound", None),
    "nothing": ("not_bound", None),
    "refused-other": ("refused", "other"),
    "refused-bound-at-unknown": ("refused", "bound_at_unknown"),
    "partly": ("partly_unbound", "assets_or_liabilities_open"),
    "contradicting": ("unbound", None),
    "violating": ("unbound", None),
    "slow": ("unbound", None),
    "action-required": ("unbound", None),
}
QUERY_DEADLINE = timedelta(seconds=6)
"""Within which what is asked must go out: a machine that stands still may miss it."""
PATIENCE = 60.0


@dataclass(frozen=True)
class Rehearsal:
    carrier: Client
    admin: BrokerClient
    simulation: Simulation


@asynccontextmanager
async def a_rehearsal(engine: AsyncEngine) -> AsyncIterator[Rehearsal]:
    async with engine.begin() as db:
        admin = await a_key(db, Role.ADMIN)
        carrier = await a_key(db, await a_carrier(db, now=CLOCK.now()))
    runtime = Runtime(
        settings=short(query_deadline=QUERY_DEADLINE),
        engine=engine,
        clock=CLOCK,
        sealer=SEALER,
        blind_index=BLIND_INDEX,
        broker_key=BROKER_KEY,
    )
    play = Play(CLOCK, lambda _: WORST)
    async with on_a_port(runtime) as http, working(runtime):
        url = str(http.base_url).rstrip("/")
        async with (
            simulated_by_admin(url, admin.key, choose_platforms(1), play) as simulation,
            Client(url, carrier.key) as client,
            open_http(url) as plain,
        ):
            yield Rehearsal(client, BrokerClient(plain, admin.key), simulation)


async def ordered(carrier: Client, block: Block) -> str:
    unbinding = Unbinding(
        number=block.number(7).e164,
        owner_since=OWNER_SINCE,
        consent=Consent("sms_otp", CLOCK.now()),
    )
    return (await carrier.orders.place(unbinding)).id


async def violations(admin: BrokerClient) -> list[dict[str, Any]]:
    """Wait until each has been undone."""
    for _ in range(600):
        rows = await admin.all("/v1/admin/violations")
        if rows and all(row["restore_status"] == "restored" for row in rows):
            return rows
        await asyncio.sleep(0.1)
    raise AssertionError("it was not undone")


async def is_told(simulation: Simulation, status: str) -> None:
    for _ in range(600):
        if simulation.reporter.answers[status]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no report was answered {status}")


async def queried(carrier: Client, block: Block) -> str:
    question = Question(
        number=block.number(7).e164,
        owner_since=OWNER_SINCE,
        consent=Consent("sms_otp", CLOCK.now()),
    )
    return (await carrier.queries.place(question)).id


async def late(carrier: Client, query: str) -> Item:
    """Wait until the result has come in spite of all."""
    for _ in range(600):
        (item,) = (await carrier.queries.get(query)).items
        if item.late:
            return item
        await asyncio.sleep(0.1)
    raise AssertionError("nothing came after the deadline")


@pytest.mark.real_time(1)
async def test_carrier_sees_the_outcomes_of_the_table(engine: AsyncEngine) -> None:
    async with a_rehearsal(engine) as scene:
        carrier = scene.carrier
        asked = await queried(carrier, NAMED["late"])
        orders = {name: await ordered(carrier, NAMED[name]) for name in PROMPT}
        delayed = await late(carrier, asked)
        seen = {}
        for name, order in orders.items():
            over = await carrier.orders.until_over(order, PATIENCE)
            (item,) = over.items
            seen[name] = item.status, item.reason
        (violation,) = await violations(scene.admin)
        await is_told(scene.simulation, "conflict")

    assert seen == PROMPT
    assert (delayed.status, delayed.bindings) == ("bound", 1)
    assert violation["order_id"] == orders["violating"]
    assert scene.simulation.platforms.counts["failed"] == 0
