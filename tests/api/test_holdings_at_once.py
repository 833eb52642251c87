"""Many tell and ask about one number at once: one holder is left in the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.clock import FixedClock
from tests.support.database import open_patient_engine
from tests.support.holdings_api import line, number
from tests.support.order_api import order_body
from tests.support.order_builders import a_reachable_platform
from unbind_broker.holdings.tables import holdings
from unbind_broker.orders.states import OPEN
from unbind_broker.orders.tables import orders

DATES = [f"2025-03-{place % 25 + 1:02}" for place in range(50)]


@pytest.fixture
async def wide(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A connection for everybody, so that nobody waits for one in vain."""
    pool = open_patient_engine(database_url, pool=60, application="tests")
    yield pool
    await pool.dispose()


async def test_fifty_clients_at_once_leave_one_holder(
    wide: AsyncEngine, clock: FixedClock
) -> None:
    async with wide.begin() as db:
        await a_reachable_platform(db)
        keys = [
            bearer(await a_key(db, await a_carrier(db, slug)))
            for slug in ("china-mobile", "china-unicom")
        ]
    async with on_a_port(a_runtime(wide, clock)) as http:
        answers = await asyncio.gather(
            *(
                http.post(
                    "/v1/orders" if place % 3 else "/v1/queries",
                    json=order_body(owner_since=since),
                    headers=keys[place % 2],
                    timeout=60,
                )
                for place, since in enumerate(DATES)
            )
        )
        accepted = [
            since
            for since, answer in zip(DATES, answers, strict=True)
            if answer.status_code == 202
        ]
        refused = [one for one in answers if one.status_code != 202]
        assert {one.json()["code"] for one in refused} <= {"ownership-superseded"}
        assert max(DATES) in accepted
        open_dates = set()
        for answer in answers:
            if answer.status_code == 202:
                seen = await read(http, keys, answer.json())
                if seen["status"] in {"held", "in_progress"}:
                    open_dates.add(seen["owner_since"])
        assert open_dates == {max(DATES)}
    async with wide.connect() as db:
        live = await db.execute(
            select(holdings.c.since).where(holdings.c.ended.is_(None))
        )
        assert [str(since) for since in live.scalars()] == [max(DATES)]


async def read(
    http: httpx.AsyncClient, keys: list[dict[str, str]], placed: dict[str, Any]
) -> dict[str, Any]:
    place = "queries" if placed["kind"] == "query" else "orders"
    headers = keys[placed["carrier"] == "china-unicom"]
    answer = await http.get(f"/v1/{place}/{placed['id']}", headers=headers)
    seen: dict[str, Any] = answer.json()
    return seen


async def test_books_and_orders_about_the_same_numbers_block_nobody(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """Each book turns the numbers around, so that locks meet in every order."""
    async with engine.begin() as db:
        await a_reachable_platform(db)
        key = bearer(await a_key(db, await a_carrier(db)))
    numbers = [number(place) for place in range(30)]
    async with on_a_port(a_runtime(engine, clock)) as http:

        async def tell(on: str, *, backwards: bool) -> list[int]:
            told = numbers[::-1] if backwards else numbers
            lines = [line("transferred", on, one) for one in told]
            answer = await http.post(
                "/v1/holdings", json=lines, headers=key, timeout=60
            )
            return [answer.status_code]

        async def ask(since: str) -> list[int]:
            answers = [
                await http.post(
                    "/v1/orders",
                    json=order_body(number=one, owner_since=since),
                    headers=key,
                    timeout=60,
                )
                for one in numbers
            ]
            return [answer.status_code for answer in answers]

        days = [f"2025-04-{place:02}" for place in range(1, 5)]
        statuses = await asyncio.gather(
            *(tell(on, backwards=place % 2 == 0) for place, on in enumerate(days)),
            *(ask(since) for since in days),
        )
    assert {status for many in statuses for status in many} <= {200, 202, 409}
    async with engine.connect() as db:
        found = await db.execute(
            select(orders.c.owner_since).where(orders.c.status.in_(OPEN))
        )
        assert {str(since) for since in found.scalars()} == {days[-1]}
