"""A storm over everything at once: nothing is lost, and nothing is made up."""

import random
from time import monotonic

import pytest

from tests.chaos.results import publish
from tests.chaos.scene import a_scene
from tests.chaos.storming import Force, rage, set_up
from tests.chaos.verdict import judge

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

STORM = Force(endpoints=200, orders=150, rages=45, deadline=75, limit=300)


async def test_storm_loses_nothing_and_no_stale_owner_writes() -> None:
    began = monotonic()
    async with a_scene(sink_processes=2) as scene:
        hanging = await set_up(scene, STORM)
        toll = await rage(scene, STORM, random.Random(7))  # noqa: S311 - a storm
        verdict = await judge(scene, STORM, hanging, toll)
        publish(
            "storm",
            postgres=scene.version,
            seconds=monotonic() - began,
            **verdict.found,
        )
    assert verdict.faults == []
