"""Holders who come back while their numbers' clearance is changed by others."""

import asyncio
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import (
    FREEZE,
    WORKING_TIME,
    a_draft,
    a_published,
    has_put,
    id_of,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import is_done, read_all, results
from tests.support.holdings_api import line, tell
from tests.support.order_api import a_scene
from tests.support.sealing import BLIND_INDEX
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.clearances.service import lock
from unbind_broker.clearances.withdrawing import withdraw_resumed
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.clearing import ClearingPolicy, publish

POLICY = ClearingPolicy(WORKING_TIME, 1000, timedelta(hours=1), FREEZE)


async def test_a_holder_who_resumes_while_others_change_it_is_withdrawn_after_them(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, [1, 2])
        index = BLIND_INDEX.index(PhoneNumber(number(1)))

        async def resumes() -> int:
            async with engine.begin() as db:
                now, carrier = clock.now(), scene.carrier.id
                return len(await withdraw_resumed(db, now, carrier, [index]))

        async with engine.begin() as db:
            await db.execute(text("SELECT * FROM clearances FOR NO KEY UPDATE"))
            resuming = asyncio.create_task(resumes())
            await asyncio.sleep(0.3)
            assert not resuming.done()
            await db.execute(text("UPDATE clearances SET destroyed_at = now()"))
        assert await resuming == 0
        assert (await shown(scene, path))["withdrawn"] == 0


async def test_a_holder_who_resumes_while_his_number_is_published_spoils_no_count(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """Who asks for the number reads that it is withdrawn all the same."""
    async with a_scene(engine, clock, "weibo") as scene:
        await tell(scene, line("activated", "2020-01-01", number(1)))
        await tell(scene, line("disconnected", "2026-10-20", number(1)))
        path = await a_draft(scene)
        await has_put(scene, path, ndjson([1, 2], "2026-10-20"))
        clearance = id_of(path)
        carrier = AskingCarrier(scene.carrier.id, "carrier:1")
        async with engine.begin() as db:
            draft = await lock(db, clearance, scene.carrier.id)
            assert draft is not None
            await publish(db, clock.now(), draft, carrier, POLICY)
            await tell(scene, line("resumed", "2026-11-10", number(1)))
        view = await shown(scene, path)
        assert (view["withdrawn"], view["waves"][0]["numbers"]) == (0, 2)
        await is_done(scene, "weibo", path)
        summary = (await shown(scene, path))["summary"]
        assert (summary["clean"], summary["partial"]) == (2, 0)
        read = await read_all(scene, "weibo", path)
        told = await results(scene, path)
    assert [one["withdrawn"] for one in read] == [True, False]
    assert [one["state"] for one in told] == ["withdrawn", "clean"]
