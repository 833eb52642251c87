"""Signed reports name the results that they set, and auditors read them raw."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body
from tests.support.receipts import KEY, report_signed, unbound
from unbind_broker.callbacks.tables import evidence
from unbind_broker.items.tables import items


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock) as made:
        await made.add_platform("weibo", result_public_key=KEY.public.text)
        yield made


async def an_order_id(scene: Scene, **changes: Any) -> str:
    answer = await scene.post("/v1/orders", order_body(**changes))
    return str(answer.json()["id"])


async def evidence_of_item(scene: Scene) -> UUID | None:
    async with scene.engine.connect() as db:
        found = await db.execute(select(items.c.evidence_id))
        shown_by: UUID | None = found.scalar_one()
        return shown_by


async def kept_ids(scene: Scene) -> list[UUID]:
    async with scene.engine.connect() as db:
        found = await db.execute(select(evidence.c.id).order_by(evidence.c.id))
        return list(found.scalars())


def statuses(answer: httpx.Response) -> list[str]:
    return [line["status"] for line in answer.json()["results"]]


async def test_a_result_names_the_signed_report_that_set_it(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    (kept,) = await kept_ids(scene)
    assert await evidence_of_item(scene) == kept


async def test_the_same_result_again_leaves_the_first_evidence(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    again = await report_signed(scene, "rep_2", unbound(order_id))
    assert statuses(again) == ["duplicate"]
    first, _second = await kept_ids(scene)
    assert await evidence_of_item(scene) == first


async def test_an_amended_result_names_the_report_that_amended_it(
    scene: Scene,
) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", unbound(order_id))
    amended = {**not_bound(order_id), "amend": True}
    await report_signed(scene, "rep_2", amended)
    _first, second = await kept_ids(scene)
    assert await evidence_of_item(scene) == second


async def test_a_platform_at_work_has_shown_no_result_yet(scene: Scene) -> None:
    order_id = await an_order_id(scene)
    await report_signed(scene, "rep_1", {"id": order_id, "outcome": "in_progress"})
    assert await evidence_of_item(scene) is None


async def test_a_report_without_a_signature_is_no_evidence(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await scene.report("weibo", unbound(await an_order_id(scene)))
        assert await evidence_of_item(scene) is None
