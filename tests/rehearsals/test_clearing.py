"""Made-up platforms work on clearances that twins publish."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.rehearsals.scene import APPLYING, CHAT, NAMED
from tests.support.app import bearer
from tests.support.builders import PAST, a_key
from tests.support.clearings import CSV, FREEZE, WORKING_TIME
from tests.support.clock import NOON, FixedClock
from tests.support.order_api import Scene, a_scene
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.callbacks.findings import FindingTools
from unbind_broker.carriers.twins import find_or_make_twin
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import clearances
from unbind_broker.notices.clearing import end_done, end_if_done
from unbind_broker.platforms.rehearsed import REHEARSED, ensure_rehearsed
from unbind_broker.rehearsals.clearing import ClearingTools, clear_one
from unbind_broker.rehearsals.made_up import load_made_up
from unbind_broker.rehearsals.tables import rehearsed_reports

TOOLS = ClearingTools(
    FindingTools(BLIND_INDEX, SEALER, "CN", APPLYING.working_time), FREEZE
)
GONE_ON = "2025-08-20"
FOUND = text(
    """
    SELECT n.place, f.outcome, f.reason, count(*) AS platforms
    FROM clearance_findings f JOIN clearance_numbers n USING (clearance_id, place)
    GROUP BY 1, 2, 3 ORDER BY 1"""
)


@pytest.fixture
async def twin(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    """The scene as the carrier's sandbox key sees it."""
    async with a_scene(engine, clock) as scene:
        async with engine.begin() as db:
            made = await find_or_make_twin(db, NOON, scene.carrier.id, PAST)
            await ensure_rehearsed(db, NOON, PAST)
            scene.carrier = replace(scene.carrier, id=made)
            scene.carrier_headers = bearer(await a_key(db, scene.carrier))
        yield scene


async def published(twin: Scene, names: Iterable[str]) -> str:
    made = await twin.post("/v1/clearances", {})
    path: str = made.headers["location"]
    numbers = [NAMED[name].number(0).e164 for name in names]
    lines = "".join(f"{one},{GONE_ON}\n" for one in numbers)
    taken = await twin.http.put(
        f"{path}/parts/1",
        content=f"number,disconnected_on\n{lines}".encode(),
        headers={**twin.carrier_headers, **CSV},
    )
    assert taken.json()["accepted"] == len(numbers), taken.text
    answer = await twin.post(f"{path}/publish", {})
    assert answer.status_code == 200, answer.text
    return path


async def clear(twin: Scene) -> int:
    """Do all that is to be done at this moment; return the number of steps."""
    now = twin.clock.now()
    for steps in range(1000):
        async with twin.engine.begin() as db:
            made_up = await load_made_up(db)
            cleared = await clear_one(db, now, made_up, TOOLS)
        if cleared is None:
            return steps
        for done in cleared.completed:
            async with twin.engine.begin() as db:
                await end_if_done(db, now, done)
    raise AssertionError("it never ends")


async def found(twin: Scene) -> dict[int, tuple[int, int | None, int]]:
    async with twin.engine.connect() as db:
        rows = (await db.execute(FOUND)).all()
    return {row.place: (row.outcome, row.reason, row.platforms) for row in rows}


async def shown(twin: Scene, path: str) -> dict[str, Any]:
    view: dict[str, Any] = (await twin.get(path)).json()
    return view


async def results(twin: Scene, path: str) -> list[dict[str, Any]]:
    answer = await twin.get(f"{path}/results")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_every_platform_finds_what_the_table_says(twin: Scene) -> None:
    names = ["before", "nothing", "refused-legal-hold", "partly", "slow"]
    path = await published(twin, names)
    assert await clear(twin) == len(REHEARSED)
    assert (await shown(twin, path))["status"] == "in_progress"
    assert (await found(twin)).keys() == {1, 3, 4}

    twin.clock.advance(timedelta(seconds=3))
    assert await clear(twin) == len(REHEARSED)

    assert (await shown(twin, path))["status"] == "completed"
    by_number = [(one["state"], one["release"]) for one in await results(twin, path)]
    assert by_number == [
        ("clean", True),
        ("clean", True),
        ("blocked", False),
        ("blocked", False),
        ("clean", True),
    ]
    assert await clear(twin) == 0


async def test_late_finding_comes_after_the_deadline(twin: Scene) -> None:
    path = await published(twin, ["late", "contradicting", "before"])
    await clear(twin)
    twin.clock.advance(timedelta(seconds=3))
    await clear(twin)
    assert (await found(twin)).keys() == {2, 3}

    twin.clock.advance(timedelta(minutes=5))
    async with twin.engine.begin() as db:
        await end_done(db, twin.clock.now(), 10)
    view = await shown(twin, path)
    await clear(twin)

    assert view["status"] == "completed"
    assert (await found(twin)).keys() == {1, 2, 3}
    async with twin.engine.connect() as db:
        left = select(func.count()).select_from(rehearsed_reports)
        assert (await db.execute(left)).scalar_one() == 0


async def test_violation_has_an_order_that_undoes_it(twin: Scene) -> None:
    await published(twin, ["violating"])
    await clear(twin)
    undoing = text("SELECT count(*) FROM orders WHERE restores IS NOT NULL")
    async with twin.engine.connect() as db:
        assert (await db.execute(undoing)).scalar_one() == len(REHEARSED)


async def test_clearance_that_stands_still_is_left_alone(twin: Scene) -> None:
    await published(twin, ["slow"])
    await clear(twin)
    async with twin.engine.begin() as db:
        await db.execute(clearances.update().values(status=ClearanceStatus.STOPPED))
    twin.clock.advance(timedelta(seconds=3))
    await clear(twin)
    assert await found(twin) == {}
    async with twin.engine.begin() as db:
        await db.execute(clearances.update().values(status=ClearanceStatus.IN_PROGRESS))
    twin.clock.advance(timedelta(seconds=5))
    await clear(twin)
    assert (await found(twin)).keys() == {1}


async def test_time_of_a_rehearsal_is_short(twin: Scene) -> None:
    path = await published(twin, ["before"])
    view = await shown(twin, path)
    assert view["deadline"] == "2026-11-20T04:05:00Z"
    assert CHAT in {one["platform"] for one in view["platforms"]}
    assert WORKING_TIME.deadline(NOON).at > NOON + timedelta(days=5)
