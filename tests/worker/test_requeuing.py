"""What a platform refused for good reaches it once more, over HTTP from end to end."""

from collections.abc import AsyncIterator

import pytest

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import Scene
from tests.support.receiver import Answer
from tests.support.undeliverable import Desk, skipped
from tests.worker.stage import CLOCK, Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.keys.tables import Role
from unbind_broker.orders.states import OrderKind

REFUSAL = Answer(422, b'{"code": "unknown_action"}')


@pytest.fixture
async def desk(stage: Stage) -> AsyncIterator[Desk]:
    """An administrator and the stage's carrier, by the real time."""
    now = CLOCK.now()
    async with stage.engine.begin() as db:
        admin = await a_key(db, Role.ADMIN, now=now)
        carrier = await a_key(db, stage.carrier, now=now)
    async with in_process(a_runtime(stage.engine, CLOCK)) as http:
        clock = FixedClock(now)
        scene = Scene(http, stage.engine, clock, stage.carrier, bearer(carrier))
        yield Desk(scene, bearer(admin))


async def test_refused_items_are_taken_once_their_platform_is_mended(
    stage: Stage, desk: Desk
) -> None:
    await stage.add_platforms(2, max_batch=8)
    mended, well = stage.doors
    mended.usual = REFUSAL
    ids = await stage.order(3)
    async with stage.working():
        await stage.reaches(stage.none_is_queued)
        refused = await desk.listed()
        assert sorted(one["item"] for one in refused) == sorted(ids)
        assert {one["requeueable"] for one in refused} == {True}
        answer = REFUSAL.body.decode()
        assert [one["last_attempt"] for one in refused] == [
            {"status_code": 422, "error": None, "answer": answer}
        ] * 3
        dry = await desk.requeue(platform="platform-0", dry_run=True)
        assert (dry["would_requeue"], skipped(dry)) == (3, {})
        mended.usual = Answer()
        before = len(mended.deliveries)
        done = await desk.requeue(platform="platform-0", spread_seconds=0)
        assert done["requeued"] == 3
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    (again,) = mended.deliveries[before:]
    assert sorted(again.item_ids) == sorted(ids)
    earlier = {one.webhook_id for one in mended.deliveries[:before]}
    assert again.webhook_id not in earlier
    assert well.times_sent == dict.fromkeys(ids, 1)
    assert (await desk.listed(), await desk.queued()) == ([], [])


async def test_a_refused_query_is_asked_again_within_its_minutes(
    stage: Stage, desk: Desk
) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    door.then(REFUSAL, REFUSAL)
    (query_id,) = await stage.order(kind=OrderKind.QUERY)
    async with stage.working():
        for _ in range(2):
            await stage.reaches(stage.all_are(ItemStatus.UNDELIVERABLE))
            named = [{"item": query_id, "platform": "platform-0"}]
            assert (await desk.requeue(items=named))["requeued"] == 1
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert len({one.webhook_id for one in door.deliveries}) == 3
    (tries,) = await stage.tries()
    assert tries == 3
