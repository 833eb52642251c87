import asyncio
import logging
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body, query_body
from tests.support.waiting import eventually
from unbind_broker.api.waiting import Completions, preferred_wait
from unbind_broker.base.database import open_engine


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["wait=10"], 10),
        (["wait=0"], 0),
        (["wait=30"], 30),
        (["wait=31"], 30),
        (["wait=999999999"], 30),
        (['wait="5"'], 5),
        (["WAIT = 5"], 5),
        (["respond-async, wait=7"], 7),
        (["respond-async", "wait=7; x=y"], 7),
        (["wait=3, wait=9"], 3),
        ([], None),
        ([""], None),
        (["wait"], None),
        (["wait="], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait=soon"], None),
        (["wait=9999999999"], None),
        (["wait=１"], None),
        (["await=5"], None),
    ],
)
def test_a_preference_is_read_or_ignored(
    headers: list[str], seconds: int | None
) -> None:
    assert preferred_wait(headers) == seconds


async def newest_id(scene: Scene) -> str:
    data = (await scene.get("/v1/orders")).json()["data"]
    return str(data[0]["id"]) if data else ""


async def test_whoever_waits_is_answered_when_every_item_is_final(
    scene: Scene,
) -> None:
    waiting = asyncio.create_task(
        scene.post("/v1/orders", order_body(), {"Prefer": "wait=30"})
    )
    order_id: str = await eventually(lambda: newest_id(scene))
    assert not waiting.done()
    await scene.report("weibo", not_bound(order_id))
    answer = await waiting
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert answer.headers["Location"] == f"/v1/orders/{order_id}"
    assert answer.json()["status"] == "completed"
    assert answer.json() == (await scene.get(f"/v1/orders/{order_id}")).json()


async def test_whoever_has_waited_in_vain_is_told_how_it_stands(scene: Scene) -> None:
    for path, body in (("/v1/queries", query_body()), ("/v1/orders", order_body())):
        answer = await scene.post(path, body, {"Prefer": "wait=0"})
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "wait=0"
        assert answer.json()["status"] == "in_progress"


async def test_without_a_readable_preference_nobody_waits(scene: Scene) -> None:
    answer = await scene.post("/v1/orders", order_body(), {"Prefer": "wait=soon"})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


async def test_a_repetition_gets_the_answer_of_acceptance(scene: Scene) -> None:
    headers = {"Prefer": "wait=30", "Idempotency-Key": "key-1"}
    waiting = asyncio.create_task(scene.post("/v1/orders", order_body(), headers))
    order_id: str = await eventually(lambda: newest_id(scene))
    again = await scene.post("/v1/orders", order_body(), headers)
    assert (again.status_code, again.json()["id"]) == (202, order_id)
    assert again.headers["Idempotency-Replayed"] == "true"
    await scene.report("weibo", not_bound(order_id))
    assert (await waiting).status_code == 200


async def test_many_who_wait_share_one_small_query(scene: Scene) -> None:
    waiting = [
        asyncio.create_task(
            scene.post("/v1/orders", order_body(), {"Prefer": "wait=30"})
        )
        for _ in range(12)
    ]

    async def all_there() -> list[str]:
        data = (await scene.get("/v1/orders")).json()["data"]
        return [one["id"] for one in data] if len(data) == len(waiting) else []

    order_ids: list[str] = await eventually(all_there)
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]))

    event.listen(scene.engine.sync_engine, "before_cursor_execute", note)
    await eventually(lambda: len(statements) >= 3)
    event.remove(scene.engine.sync_engine, "before_cursor_execute", note)
    assert all("orders.id = ANY" in text for text in statements)
    await scene.report("weibo", *(not_bound(one) for one in order_ids))
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}


async def test_a_repetition_gets_the_answer_that_was_waited_for(scene: Scene) -> None:
    headers = {"Prefer": "wait=30", "Idempotency-Key": "waited"}
    waiting = asyncio.create_task(scene.post("/v1/orders", order_body(), headers))
    order_id: str = await eventually(lambda: newest_id(scene))
    early = await scene.post("/v1/orders", order_body(), headers)
    assert (early.status_code, early.json()["status"]) == (202, "in_progress")
    await scene.report("weibo", not_bound(order_id))
    first = await waiting
    again = await scene.post("/v1/orders", order_body(), headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_order_that_stands_is_told_so_though_the_database_goes_away(
    scene: Scene,
) -> None:
    waiting = asyncio.create_task(
        scene.post("/v1/orders", order_body(), {"Prefer": "wait=1"})
    )
    order_id: str = await eventually(lambda: newest_id(scene))

    def fail(*_: object) -> None:
        raise ConnectionRefusedError

    event.listen(scene.engine.sync_engine, "before_cursor_execute", fail)
    answer = await waiting
    event.remove(scene.engine.sync_engine, "before_cursor_execute", fail)

    assert (answer.status_code, answer.json()["id"]) == (202, order_id)
    assert answer.headers["Location"] == f"/v1/orders/{order_id}"


def is_refused(record: logging.LogRecord) -> bool:
    if record.exc_info:
        return isinstance(record.exc_info[1], ConnectionRefusedError)
    return vars(record).get("error") == ConnectionRefusedError.__name__


async def test_a_database_that_stays_away_is_told_of_ever_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = open_engine("postgresql+asyncpg://127.0.0.1:1/none", application="none")
    completions = Completions(nowhere, 1)
    waiting = asyncio.create_task(completions.wait(UUID(int=1), 30))

    async def told() -> list[tuple[int, bool]]:
        # Loops of applications whose database is gone may tell of theirs meanwhile.
        found = [vars(one) for one in caplog.records if is_refused(one)]
        enough = len(found) >= 3
        return [(one["streak"], bool(one["exc_info"])) for one in found[:3] if enough]

    assert await eventually(told) == [(1, True), (2, False), (4, False)]
    completions.let_go()
    assert not await waiting
    await nowhere.dispose()
