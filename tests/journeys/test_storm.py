"""A short storm, as ``make chaos`` lets one rage for longer: nothing is lost."""

import random

import pytest

from tests.chaos.scene import a_scene
from tests.chaos.storming import Force, rage, set_up
from tests.chaos.verdict import judge

pytestmark = pytest.mark.journey

SQUALL = Force(
    endpoints=40,
    orders=50,
    rages=9,
    deadline=None,
    limit=200,
    kill_every=2.5,
    freeze_every=3,
    terminate_every=1,
)


async def test_short_storm_loses_nothing_and_no_stale_owner_writes() -> None:
    async with a_scene() as scene:
        hanging = await set_up(scene, SQUALL)
        toll = await rage(scene, SQUALL, random.Random(3))  # noqa: S311 - a storm
        verdict = await judge(scene, SQUALL, hanging, toll)
    assert verdict.faults == []
    assert verdict.found["verified"] == "{0} of {0}".format(verdict.found["requests"])
