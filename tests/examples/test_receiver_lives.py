"""What becomes of an item that a receiver in Python has taken."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.receivers import FLASK, planned, python, running
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.magic_numbers import ACTION_REQUIRED, BEFORE, CUTOFF
from unbind_broker.conformance.manifests import Listed, Manifests
from unbind_broker.conformance.running import open_stage
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.payloads import test_payload as empty_payload

MANY = 1000

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Scene:
    stage: Stage
    folder: Path
    told: dict[str, str]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with running(python(FLASK), self.folder, self.told):
            await eventually(self.is_up)
            yield

    async def is_up(self) -> bool:
        return (await self.stage.tell(empty_payload(self.stage.now()))).is_taken


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    with reserve("127.0.0.1", 0) as listener:
        plan, told = planned(tmp_path, url_of(listener))
        async with open_stage(plan, listener, SystemClock().now) as stage:
            yield Scene(stage, tmp_path, told)


async def test_result_of_what_was_taken_outlives_a_kill(scene: Scene) -> None:
    desk = scene.stage.desk
    asked = scene.stage.new(OrderKind.UNBIND, BEFORE.number(0))
    desk.to_refuse = MANY
    async with scene.running():
        await scene.stage.take(asked)
    assert asked.result is None
    desk.to_refuse = 0
    async with scene.running():
        assert (await desk.result(asked)).outcome is ItemStatus.UNBOUND


async def test_item_goes_on_once_its_holder_has_acted(scene: Scene) -> None:
    desk = scene.stage.desk
    asked = scene.stage.new(OrderKind.UNBIND, ACTION_REQUIRED.number(0))
    async with scene.running():
        await scene.stage.take(asked)
        assert await desk.hears(asked.spoken)
        assert asked.said(ItemStatus.ACTION_REQUIRED)
        assert asked.result is None
        await _holder_acts(scene, asked.id)
        assert await scene.is_up()  # whatever comes wakes it up
        assert (await desk.result(asked)).outcome is ItemStatus.UNBOUND


async def test_number_is_not_kept_once_its_item_is_settled(scene: Scene) -> None:
    asked = scene.stage.new(OrderKind.UNBIND, BEFORE.number(0))
    async with scene.running():
        await scene.stage.ask(asked)
    with closing(sqlite3.connect(scene.folder / "receiver.db")) as db:
        assert db.execute("SELECT id, item FROM items").fetchall() == [(asked.id, None)]


async def test_wave_that_is_held_back_keeps_no_other_waiting(scene: Scene) -> None:
    async with scene.running():
        await expect_others_cleared(scene.stage)


async def test_wave_that_is_held_back_keeps_no_other_waiting_in_javascript(
    express_copy: Path,
) -> None:
    with reserve("127.0.0.1", 0) as listener:
        plan, told = planned(express_copy, url_of(listener))
        async with (
            open_stage(plan, listener, SystemClock().now) as stage,
            running(("node", "server.mjs"), express_copy, told),
        ):
            await eventually(Scene(stage, express_copy, told).is_up)
            await expect_others_cleared(stage)


async def expect_others_cleared(stage: Stage) -> None:
    numbers = [Listed(BEFORE.number(place), CUTOFF.date()) for place in range(3)]
    _, unreadable = Manifests(stage.now).publish(numbers)
    readable, published = stage.manifests.publish(numbers)
    for body in (unreadable, published):
        assert (await stage.tell(body)).is_taken
    async with asyncio.timeout(PATIENCE):
        await readable.waves[0].done.wait()


async def _holder_acts(scene: Scene, item_id: str) -> None:
    """Let another process of the platform say so."""
    with closing(sqlite3.connect(scene.folder / "receiver.db")) as db, db:
        db.execute("UPDATE accounts SET asks = 0")
    script = "import sys, flask_receiver; flask_receiver.holder_has_acted(sys.argv[1])"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, item_id),
        cwd=scene.folder,
        env={**scene.told, "PYTHONPATH": str(FLASK.parent)},
    )
    assert await process.wait() == 0
