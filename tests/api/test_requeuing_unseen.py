"""Whether a sensitive platform's item is requeued, its carrier reads the same."""

from datetime import timedelta

import pytest

from tests.support.database import Server
from tests.support.order_api import order_body, query_body
from tests.support.platform_answers import (
    BOUND,
    NOT_BOUND,
    UNBOUND,
    VIOLATION,
    Answers,
    Lines,
)
from tests.support.two_worlds import World, told
from tests.support.undeliverable import URL, refuse_payload, uuid_of
from unbind_broker.items.item import ItemKey

REFUSING = Answers(taking=[], refuses_payload=True)
AFTERWARDS: dict[str, Lines] = {
    "never taken": [],
    "not bound": [NOT_BOUND],
    "done": [UNBOUND],
    "violated": [VIOLATION],
    "refused once more": [],
}


class Requeuing:
    """A story that is told with a requeue, or without one."""

    def __init__(self, path: str, afterwards: str | None, *, first: bool) -> None:
        self.path = path
        self.afterwards = afterwards
        self.first = first
        """Whether the others answer before the requeue, so that the order is over."""

    async def __call__(self, world: World) -> None:
        body = order_body if self.path == "/v1/orders" else query_body
        key = {"Idempotency-Key": "one"}
        await world.eyes.ask(self.path, body(reference="R-1"), key)
        await world.be_taken()
        if self.first:
            await self._others(world)
        world.scene.clock.advance(timedelta(minutes=1))
        await self._requeue(world)
        await world.look("requeued, or not")
        world.scene.clock.advance(timedelta(minutes=1))
        await self._answer(world)
        await world.look("answered, or not")
        if not self.first:
            await self._others(world)
        await world.look("the others have answered")
        await world.post("cancelled", "cancel", {})
        await world.wait_until_after_the_deadline()
        await world.look("after the deadline")

    async def _others(self, world: World) -> None:
        is_order = self.path == "/v1/orders"
        await world.weibo(UNBOUND if is_order else BOUND)

    async def _requeue(self, world: World) -> None:
        if self.afterwards is None:
            return
        named = [{"item": world.item_id, "platform": "dating"}]
        path, body = f"{URL}/requeue", {"items": named, "dry_run": False}
        answer = await world.scene.http.post(path, json=body, headers=world.admin)
        assert answer.json()["requeued"] == 1, answer.text

    async def _answer(self, world: World) -> None:
        if self.afterwards == "refused once more":
            dating = world.scene.platforms["dating"].id
            key = ItemKey(uuid_of(world.item_id), dating)
            await refuse_payload(world.scene.engine, world.scene.clock.now(), key)
        elif self.afterwards is not None:
            await world.dating(AFTERWARDS[self.afterwards])


Known = dict[tuple[str, bool], dict[str, object]]


@pytest.fixture(scope="module")
def without() -> Known:
    """What was read where nothing was requeued, told once for each story."""
    return {}


CASES = [
    ("/v1/orders", "never taken", True),
    ("/v1/orders", "violated", True),
    ("/v1/orders", "refused once more", False),
    ("/v1/orders", "done", False),
    ("/v1/queries", "not bound", False),
]


@pytest.mark.parametrize(("path", "afterwards", "first"), CASES)
async def test_it_reads_as_without_the_requeue(
    server: Server, without: Known, path: str, afterwards: str, *, first: bool
) -> None:
    if (path, first) not in without:
        plain = Requeuing(path, None, first=first)
        without[path, first] = await told(server, plain, REFUSING, others=True)
    story = Requeuing(path, afterwards, first=first)
    with_one = await told(server, story, REFUSING, others=True)
    assert list(with_one) == list(without[path, first])
    for instant, read in without[path, first].items():
        assert with_one[instant] == read, instant
