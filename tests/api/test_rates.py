"""A caller's rate: what is left is told in every answer, and when to come back."""

import asyncio
import re

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import a_runtime, in_process
from tests.support.clock import FixedClock
from unbind_broker.api.rates import Quota, RateLimited, Rates

LEFT = re.compile(r'"calls";r=(\d+);t=(\d+)')


def left(answer: Response) -> int:
    told = LEFT.fullmatch(answer.headers["RateLimit"])
    assert told is not None
    return int(told[1])


async def test_every_answer_says_what_is_left(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, carrier_rate="1/h", carrier_burst=5)
    async with in_process(runtime) as api:
        first = await api.get("/v1/me", headers=parties.mobile)
        second = await api.get("/v1/orders/nonsense", headers=parties.mobile)
        other = await api.get("/v1/me", headers=parties.weibo)
    assert first.headers["RateLimit-Policy"] == '"calls";q=5;w=18000'
    assert [left(first), left(second), left(other)] == [4, 3, 4]


async def test_strangers_are_told_of_no_quota(api: AsyncClient) -> None:
    answer = await api.get("/v1/me")
    assert "RateLimit" not in answer.headers


@pytest.mark.real_time(1.0)
async def test_refusal_says_that_nothing_is_left_and_when_to_come(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, carrier_rate="1/m", carrier_burst=2)
    async with in_process(runtime) as api:
        answers = [await api.get("/v1/me", headers=parties.mobile) for _ in range(3)]
    refused = answers[-1]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refused.json()["code"] == "rate-limited"
    told = LEFT.fullmatch(refused.headers["RateLimit"])
    assert told is not None
    assert told[1] == "0"
    assert 55 <= int(told[2]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"calls";q=2;w=120'
    assert 15 <= int(refused.headers["Retry-After"]) <= 60


async def test_caller_over_its_rate_costs_no_look_up(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, carrier_rate="1/m", carrier_burst=1)
    async with in_process(runtime) as api:
        await api.get("/v1/me", headers=parties.mobile)
        statements: list[str] = []

        def note(*call: object) -> None:
            statements.append(str(call[2]))

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        refused = [await api.get("/v1/me", headers=parties.mobile) for _ in range(5)]
        event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert {answer.status_code for answer in refused} == {429}
    assert statements == []


async def test_processes_share_the_rate(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    runtime = a_runtime(engine, clock, serve_processes=4)
    async with in_process(runtime) as api:
        answer = await api.get("/v1/me", headers=parties.mobile)
    assert answer.headers["RateLimit-Policy"] == '"calls";q=125;w=5'
    assert answer.json()["rate_limit"] == {"per_second": 25.0, "burst": 125}


async def test_revoked_key_is_refused_at_once_though_it_is_remembered(
    api: AsyncClient, parties: Parties
) -> None:
    me = await api.get("/v1/me", headers=parties.mobile)
    key_id = me.json()["key"]["id"]
    await api.delete(f"/v1/admin/keys/{key_id}", headers=parties.admin)
    assert (await api.get("/v1/me", headers=parties.mobile)).status_code == 401


async def test_keys_of_many_callers_are_looked_up_together(
    api: AsyncClient, engine: AsyncEngine, parties: Parties
) -> None:
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]))

    unknown = {"Authorization": f"Bearer ub_carrier_{'x' * 43}"}
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    answers = await asyncio.gather(
        *(api.get("/v1/platforms", headers=parties.weibo) for _ in range(20)),
        *(api.get("/v1/platforms", headers=unknown) for _ in range(20)),
    )
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    codes = [answer.status_code for answer in answers]
    assert codes == [200] * 20 + [401] * 20
    assert sum("api_keys" in text for text in statements) <= 3


def test_callers_who_are_refused_get_turns_of_their_own() -> None:
    rates = Rates(0.5, 1, lambda: 0.0)
    rates.take("carrier:a")
    waits = []
    for _ in range(14):
        with pytest.raises(RateLimited) as refused:
            rates.take("carrier:a")
        waits.append(int(refused.value.headers["Retry-After"]))
    assert waits == sorted(waits)
    assert waits[0] == 2
    assert waits[-1] in {27, 28}
    assert rates.take("carrier:b").remaining == 0


def test_who_rehearses_has_a_fifth_of_the_rate() -> None:
    rates = Rates(5.0, 10, lambda: 0.0)
    assert rates.take("carrier:a").policy == '"calls";q=10;w=2'
    assert rates.take("carrier:a.sandbox") == Quota('"calls";q=2;w=2', 1, 1)
    rates.take("carrier:a.sandbox")
    with pytest.raises(RateLimited, match="more than 1 requests a second"):
        rates.take("carrier:a.sandbox")
    assert rates.take("carrier:a").remaining == 8
