"""One machine, one command: the story of an install, a crash in the middle included."""

import signal
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.outsider import Outsider
from tests.journeys.processes import Process, Processes, processes
from tests.journeys.recorded import count_recorded
from tests.support.receiver import Answer, Door, Receiver, ResultsOf
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.base.database import open_engine
from unbind_broker.client import Client, Consent, Question, Unbinding
from unbind_broker.runtime.embedded import open_embedded

pytestmark = pytest.mark.journey

SINCE = date(2025, 3, 1)
SLUGS = ("weibo", "alipay", "didi")


def unbound(item: dict[str, Any]) -> Mapping[str, object]:
    return {
        "id": item["id"],
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2024-06-01T08:00:00Z",
    }


def not_bound(item: dict[str, Any]) -> Mapping[str, object]:
    return {"id": item["id"], "outcome": "not_bound"}


def receiver_says(receiver: Receiver, results: ResultsOf) -> None:
    for door in receiver.doors.values():
        door.usual = Answer(results=results)


def question(number: int = 1234) -> Question:
    return Question(
        number=f"+861380000{number:04}", owner_since=SINCE, consent=a_consent()
    )


def unbinding(number: int = 1234) -> Unbinding:
    return Unbinding(
        number=f"+861380000{number:04}", owner_since=SINCE, consent=a_consent()
    )


def a_consent() -> Consent:
    return Consent("sms_otp", datetime.now(UTC))


class Install:
    """A data folder, the commands on it, and whoever has a key."""

    def __init__(self, commands: Processes, data: Path) -> None:
        self._commands = commands
        self._data = data
        self.url = ""

    async def up(self) -> Process:
        process = await self._commands.start(
            "up", "--port", "0", "--json", "--data-dir", self._data
        )
        told = await process.told()
        assert told["data_dir"] == str(self._data)
        self.url = told["url"]
        return process

    async def command(self, *arguments: str) -> str:
        return await self._commands.run(*arguments, "--data-dir", self._data)

    async def key(self, role: str, slug: str) -> str:
        issued = await self.command("keys", "issue", "--role", role, f"--{role}", slug)
        return issued.strip()

    async def enrol(self, slug: str, door: Door) -> None:
        """Register a platform's endpoint and verify it."""
        platform = Outsider(self.url, await self.key("platform", slug))
        made = await platform.call("PUT", "/v1/endpoint", {"url": door.url}, expect=201)
        door.secrets.append(made["secret"])
        verified = await platform.call("POST", "/v1/endpoint/verify")
        assert verified["status"] == "active"
        await platform.close()


async def results_recorded(data: Path) -> Counter[str]:
    with open_embedded(data) as database:
        engine = open_engine(database.url, pool=1, application="tests")
        counts = await count_recorded(engine)
        await engine.dispose()
    return counts


async def registered(install: Install, receiver: Receiver) -> str:
    """Register everybody; return the carrier's key."""
    await install.command("carriers", "add", "china-mobile")
    for slug in SLUGS:
        await install.command("platforms", "add", slug)
        await install.enrol(slug, receiver.door(slug))
    return await install.key("carrier", "china-mobile")


async def test_install_is_used_killed_and_taken_up_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with processes(tmp_path) as commands, Receiver().opened() as receiver:
        install = Install(commands, data)
        up = await install.up()
        key = await registered(install, receiver)
        async with Client(install.url, key) as carrier:
            receiver_says(receiver, not_bound)
            placed = await carrier.queries.place(question(), wait=10)
            query = await carrier.queries.until_over(placed.id, PATIENCE)
            assert query.summary == {"total": 3, "not_bound": 3}
            receiver_says(receiver, unbound)
            placed = await carrier.orders.place(unbinding(), wait=10)
            order = await carrier.orders.until_over(placed.id, PATIENCE)
            assert order.summary == {"total": 3, "unbound": 3}

            slow = receiver.door("didi")
            slow.usual = Answer(status=503)
            pending = await carrier.orders.place(unbinding(77))
            await eventually(lambda: pending.id in slow.item_ids)
            await up.stop(signal.SIGKILL)

        slow.usual = Answer(results=unbound)
        up = await install.up()
        async with Client(install.url, key) as carrier:
            told = [event.type async for event in carrier.orders.follow(pending.id)]
            finished = await carrier.orders.get(pending.id)
        assert told[-1] == "order.completed"
        assert finished.summary == {"total": 3, "unbound": 3}

        assert await up.stop() == 0, up.log
        assert await results_recorded(data) == {"not_bound": 3, "unbound": 6}


async def test_commands_work_without_a_running_broker(tmp_path: Path) -> None:
    async with processes(tmp_path) as commands:
        install = Install(commands, tmp_path / "data")
        await install.command("carriers", "add", "china-mobile")
        await install.key("carrier", "china-mobile")
        imported = await install.command("platforms", "import")
        up = await install.up()
        code = await up.stop(signal.SIGINT)

    assert imported.endswith("platforms added, 0 were there already\n")
    assert code == 0, up.log
