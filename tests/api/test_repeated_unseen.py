"""Repeating a query tells nothing of what became of its sensitive part meanwhile."""

from datetime import timedelta

from tests.support.database import Server
from tests.support.order_api import query_body
from tests.support.platform_answers import BOUND, NOT_BOUND, Answers, Lines
from tests.support.two_worlds import World, told
from tests.support.undeliverable import URL

QUERIES = "/v1/queries"
REFUSING = Answers(taking=[], refuses_payload=True)


async def ask(world: World) -> str:
    await world.eyes.ask(QUERIES, query_body(reference="R-1"))
    return world.eyes.about


async def look_at(world: World, instant: str, *asked: str) -> None:
    for place, one in enumerate(asked):
        world.eyes.about = one
        await world.look(f"{instant}, {place}")


class Requeuing:
    """A refused query is repeated, requeued in between or not."""

    def __init__(self, afterwards: Lines | None) -> None:
        self.afterwards = afterwards

    async def __call__(self, world: World) -> None:
        first = await ask(world)
        await world.be_taken()
        world.scene.clock.advance(timedelta(minutes=1))
        if self.afterwards is not None:
            named = [{"item": world.item_id, "platform": "dating"}]
            body = {"items": named, "dry_run": False}
            await world.as_admin(f"{URL}/requeue", body)
        second = await ask(world)
        await look_at(world, "requeued, or not", first, second)
        world.eyes.about = first
        await world.dating(self.afterwards or [])
        await look_at(world, "answered, or not", first, second)
        world.eyes.about = first
        await world.weibo(BOUND)
        await look_at(world, "the others have answered", first, second)
        await world.wait_until_after_the_deadline()
        await look_at(world, "after the deadline", first, second)


async def test_repeating_a_query_tells_not_what_was_requeued(server: Server) -> None:
    plain = await told(server, Requeuing(None), REFUSING, others=True)
    other = await told(server, Requeuing([NOT_BOUND]), REFUSING, others=True)
    assert list(other) == list(plain)
    for instant, read in plain.items():
        assert other[instant] == read, instant
