"""Verifying and testing go nowhere inside, whatever a name says meanwhile."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import a_runtime, in_process
from tests.support.names import ChangingNames
from unbind_broker.base.clock import SystemClock
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts

URL = "/v1/endpoint"


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        (["169.254.169.254"], "link-local"),
        (["::1"], "loopback"),
        (["1.1.1.1", "10.0.0.1"], "private use"),
    ],
)
async def test_name_that_leads_inside_is_told_in_words_and_never_called(
    engine: AsyncEngine, parties: Parties, addresses: list[str], reason: str
) -> None:
    runtime = a_runtime(engine, SystemClock(), allow_private_endpoints=False)
    guarded = replace(runtime, look_up=ChangingNames(addresses))
    async with in_process(guarded) as api:
        headers = parties.weibo
        made = await api.put(
            URL, headers=headers, json={"url": "https://hooks.weibo.com/"}
        )
        assert made.status_code in {200, 201}
        failed = await api.post(f"{URL}/verify", headers=headers)
        tested = await api.post(f"{URL}/test", headers=headers)
    assert failed.status_code == 422
    assert failed.json()["detail"] == f"no answer: address refused: {reason}"
    assert f"address refused: {reason}" in tested.text
    assert not any(address in failed.text + tested.text for address in addresses)
    async with engine.connect() as db:
        outcomes = set((await db.execute(select(attempts.c.outcome))).scalars())
    assert outcomes == {OutcomeKind.BLOCKED}
