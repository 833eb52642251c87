"""The brake of a rehearsal is let go by itself, and no other one."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.rehearsals.scene import APPLYING, Scene, a_twin
from tests.support.clock import NOON
from unbind_broker.callbacks.braking import consider, stop
from unbind_broker.carriers.brakes import stopped
from unbind_broker.carriers.standing import UnbindingBraked
from unbind_broker.rehearsals.unbraking import let_twins_go

AFTER = timedelta(seconds=30)
IN_USE = "refused-active-after-cutoff"


async def test_rehearsal_goes_on_a_while_after_it_was_braked(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        made = await a_twin(db)
        await Scene(db, made).ask(IN_USE, platforms=None)
    async with engine.begin() as db:
        await Scene(db, made).take()
    async with engine.begin() as db:
        braked = await consider(db, NOON, [made.id], APPLYING.brake)
        with pytest.raises(UnbindingBraked):
            await Scene(db, made).ask("before")
    async with engine.begin() as db:
        early = await let_twins_go(db, NOON + AFTER - timedelta(seconds=1), AFTER)
    async with engine.begin() as db:
        late = await let_twins_go(db, NOON + AFTER, AFTER)
    async with engine.begin() as db:
        again = await consider(db, NOON + AFTER, [made.id], APPLYING.brake)
        await Scene(db, made).ask("before", copy=1)
    assert (braked, early, late, again) == ({made.id}, [], [made.id], set())


async def test_what_an_administrator_or_a_real_carrier_has_stays(scene: Scene) -> None:
    assert scene.twin.sandbox_of is not None
    real = scene.twin.sandbox_of
    await stop(scene.db, NOON, scene.twin.id, "a look", "key:1")
    await stop(scene.db, NOON, real, "too many", "broker")
    await stop(scene.db, NOON, None, "everybody", "broker")
    assert await let_twins_go(scene.db, NOON + timedelta(days=1), AFTER) == []
    now_stopped = await stopped(scene.db)
    assert now_stopped.everybody
    assert set(now_stopped.carriers) == {scene.twin.id, real}
