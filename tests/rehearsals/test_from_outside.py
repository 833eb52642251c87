"""A carrier rehearses with a sandbox key: a broker and a worker, nobody simulated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer, on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.receiver import Receiver
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.waiting import eventually
from tests.support.working import working
from tests.worker.stage import short
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.magic_numbers import (
    BLOCKS,
    NOTHING,
    OWNER_SINCE,
    Behaviour,
    Block,
    describe,
)
from unbind_broker.client import Client, Consent, Question, Unbinding
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.rehearsed import REHEARSED
from unbind_broker.runtime.opening import Runtime

CLOCK = SystemClock()
NAMED = {block.name: block for block in (*BLOCKS, NOTHING)}
IN_TIME = [name for name, one in NAMED.items() if one.behaviour is not Behaviour.LATE]
QUERY_DEADLINE = timedelta(seconds=15)
"""A result can only be late of what was taken before."""
PATIENCE = 60.0
UNDONE = text("SELECT bool_and(status = 3) FROM orders WHERE restores IS NOT NULL")
"""Whether every violation was undone."""


@dataclass(frozen=True)
class Rehearsal:
    carrier: Client
    http: httpx.AsyncClient
    admin: dict[str, str]


@asynccontextmanager
async def a_rehearsal(engine: AsyncEngine) -> AsyncIterator[Rehearsal]:
    async with engine.begin() as db:
        admin = bearer(await a_key(db, Role.ADMIN))
        await a_carrier(db, now=CLOCK.now())
    runtime = Runtime(
        # The brake is tried elsewhere: here refusals are what is asked for.
        settings=short(query_deadline=QUERY_DEADLINE, brake_least=1000),
        engine=engine,
        clock=CLOCK,
        sealer=SEALER,
        blind_index=BLIND_INDEX,
        broker_key=BROKER_KEY,
    )
    async with on_a_port(runtime) as http, working(runtime):
        body = {"role": "carrier", "carrier": "china-mobile", "sandbox": True}
        issued = await http.post("/v1/admin/keys", json=body, headers=admin)
        url = str(http.base_url).rstrip("/")
        async with Client(url, issued.json()["key"]) as carrier:
            yield Rehearsal(carrier, http, admin)


@pytest.fixture
async def scene(engine: AsyncEngine) -> AsyncIterator[Rehearsal]:
    async with a_rehearsal(engine) as made:
        yield made


def about(block: Block, **more: object) -> Unbinding:
    return Unbinding(
        number=block.number(7).e164,
        owner_since=OWNER_SINCE,
        consent=Consent("sms_otp", CLOCK.now()),
        **more,  # type: ignore[arg-type] # by name
    )


async def test_every_test_number_ends_as_documented(
    scene: Rehearsal, engine: AsyncEngine
) -> None:
    orders = scene.carrier.orders
    question = Question(
        number=NAMED["late"].number(7).e164,
        owner_since=OWNER_SINCE,
        consent=Consent("sms_otp", CLOCK.now()),
    )
    late = (await scene.carrier.queries.place(question)).id
    placed = {name: (await orders.place(about(NAMED[name]))).id for name in IN_TIME}
    ended = {}
    for name, order in placed.items():
        over = await orders.until_over(order, PATIENCE)
        assert (over.sensitive.total, over.sensitive.finished) == (1, 1)
        assert len(over.items) == len(REHEARSED) - 1
        ended[name] = {(item.status, item.reason) for item in over.items}
    assert ended == {
        name: {(row["unbind"], row["reason"])}
        for name in IN_TIME
        for row in [describe(NAMED[name])]
    }

    async def all_late() -> bool:
        return all(item.late for item in (await scene.carrier.queries.get(late)).items)

    await eventually(all_late)
    assert {one.status for one in (await scene.carrier.queries.get(late)).items} == {
        "bound"
    }

    async def undone() -> bool:
        async with engine.connect() as db:
            return bool((await db.execute(UNDONE)).scalar_one())

    await eventually(undone)


async def test_a_test_endpoint_gets_signed_webhooks_of_rehearsals_only(
    scene: Rehearsal, receiver: Receiver
) -> None:
    door = receiver.door("weibo-test")
    http, admin = scene.http, scene.admin
    body: dict[str, object] = {"slug": "weibo-test", "sandbox": True}
    made = await http.post("/v1/admin/platforms", json=body, headers=admin)
    assert made.status_code == 201, made.text
    key = {"role": "platform", "platform": "weibo-test"}
    issued = (await http.post("/v1/admin/keys", json=key, headers=admin)).json()
    own = {"Authorization": f"Bearer {issued['key']}"}
    put = await http.put("/v1/endpoint", json={"url": door.url}, headers=own)
    door.secrets.append(put.json()["secret"])
    verified = await http.post("/v1/endpoint/verify", headers=own)
    assert verified.status_code == 200, verified.text

    order = await scene.carrier.orders.place(
        about(NAMED["before"], platforms=["weibo-test"])
    )
    await eventually(lambda: len(door.deliveries) == 1)
    (item,) = door.deliveries[0].payload["data"]["items"]
    line = {
        "id": item["id"],
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2023-06-02T16:00:00Z",
    }
    told = await http.post("/v1/results", json={"results": [line]}, headers=own)
    over = await scene.carrier.orders.until_over(order.id, PATIENCE)

    assert told.json()["results"][0]["status"] == "recorded"
    assert (item["id"], item["carrier"]) == (order.id, "china-mobile")
    assert item["number"] == NAMED["before"].number(7).e164
    assert [(one.platform, one.status) for one in over.items] == [
        ("weibo-test", "unbound")
    ]
    assert door.rejected == 0
