"""A worker's process ends in good order, or at once when asked twice."""

import asyncio
import signal
from pathlib import Path

import httpx
from sqlalchemy import make_url, select

from tests.support.waiting import eventually
from tests.worker.a_command import SOON, a_busy_worker, commands
from tests.worker.gate import a_gate
from tests.worker.stage import Stage
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.items.states import ItemStatus

PATIENT = {"UNBIND_REQUEST_TIMEOUT": "10m", "UNBIND_LEASE": "20m"}


async def holders(stage: Stage) -> set[object]:
    return set(await stage.all(select(endpoint_leases.c.holder)))


async def some_are_recorded(stage: Stage) -> bool:
    return (await stage.counts())[ItemStatus.ACKNOWLEDGED] == 3


async def test_request_under_way_is_waited_for_and_leases_are_given_back(
    stage: Stage, tmp_path: Path
) -> None:
    async with commands(tmp_path, stage.engine.url, **PATIENT) as started:
        worker = await a_busy_worker(stage, started)
        url = (await worker.line()).rpartition(" ")[2]
        async with httpx.AsyncClient(trust_env=False) as http:
            told = (await http.get(url)).json()
            others = await http.get(url.replace("healthz", "readyz"))
        worker.send(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert not worker.has_ended
        stage.doors[0].release()
        code = await worker.ended()
    assert told["status"] == "ok"
    assert told["worker"]["last_good_poll_age_seconds"] < SOON
    assert {"read_log", "leases", "record"} <= told["worker"]["loops"].keys()
    assert others.status_code == 404
    assert code == 0
    assert await holders(stage) == {None}
    assert set(await stage.tries()) == {1}  # the one that hung is on record too


async def test_second_signal_waits_for_nothing(stage: Stage, tmp_path: Path) -> None:
    async with commands(tmp_path, stage.engine.url, **PATIENT) as started:
        worker = await a_busy_worker(stage, started)
        await stage.reaches(lambda: some_are_recorded(stage))
        worker.send(signal.SIGTERM)
        await asyncio.sleep(0.3)
        worker.send(signal.SIGINT)
        async with asyncio.timeout(SOON):
            assert await worker.ended() == 0
    # Nobody has died for certain: its endpoints are free when its lease has run out.
    assert None not in await holders(stage)
    assert (await stage.counts())[ItemStatus.QUEUED] == 3


async def test_command_that_still_starts_ends_when_asked(
    stage: Stage, tmp_path: Path
) -> None:
    async with a_gate(stage.engine.url) as gate:
        gate.silence()
        async with commands(tmp_path, make_url(gate.url)) as started:
            worker = await started.start("worker")
            await eventually(lambda: gate.is_used)
            worker.send(signal.SIGTERM)
            async with asyncio.timeout(SOON):
                assert await worker.ended() == 0
            assert worker.log == ""
