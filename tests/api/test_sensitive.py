"""Whatever a sensitive platform answers, its carrier reads the same.

Each story is told in a database of its own, to the same clock: once with "there is no
binding", once for every other answer. What is read on the way must not differ.
"""

import asyncio
import os
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from tests.support.database import Server
from tests.support.order_api import after_query, order_body, query_body
from tests.support.platform_answers import (
    ACKNOWLEDGED,
    BOUND,
    NOT_BOUND,
    NOTHING_THERE,
    OF_ORDERS,
    OF_QUERIES,
    UNBOUND,
    VIOLATION,
    WANTING,
    WORKING,
    Answers,
    line,
)
from tests.support.two_worlds import Story, World, a_world, told
from tests.support.waiting import eventually
from unbind_broker.items.states import OUTCOMES, ItemStatus
from unbind_broker.orders.states import OrderKind


async def an_order(world: World) -> None:
    key = {"Idempotency-Key": "order-1"}
    await _begin(world, "/v1/orders", order_body(reference="R-1"), key)
    await _go_on(world)
    await world.post("undone", "restore", {"reason": "a mistake"})
    await world.look("undone, original")
    found = (await world.scene.get("/v1/orders", limit=1)).json()["data"][0]
    assert found["kind"] == "restore"
    world.eyes.about = f"/v1/orders/{found['id']}"
    await world.weibo(line("restored"))
    await world.dating([ACKNOWLEDGED])
    await world.look("restore taken")
    await world.dating(world.answers.undone)
    await world.look("restore answered")


async def a_query(world: World) -> None:
    key = {"Idempotency-Key": "query-1"}
    await _begin(world, "/v1/queries", query_body(reference="R-1"), key)
    query_id = world.item_id
    await _go_on(world)
    world.scene.clock.advance(timedelta(hours=1))
    await world.eyes.ask("/v1/orders", after_query(query_id, reference="R-1"))
    await world.look("order after the query")


async def _begin(
    world: World, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = await world.eyes.ask(path, body, headers)
    world.read["accepted"] = world.eyes.seen(answer)
    await world.look("after acceptance")


async def _go_on(world: World) -> None:
    await world.be_taken()
    await world.look("taken")
    world.scene.clock.advance(timedelta(minutes=1))
    await world.dating(world.answers.soon)
    await world.look("after the answer")
    world.scene.clock.advance(timedelta(minutes=1))
    is_order = world.eyes.about.startswith("/v1/orders")
    await world.weibo(UNBOUND if is_order else BOUND)
    await world.look("after the others' answers")
    world.scene.clock.advance(timedelta(minutes=1))
    await world.dating(world.answers.later)
    await world.look("after a later answer")
    if is_order:
        await world.post("cancelled", "cancel", {})
    await world.wait_until_after_the_deadline()
    await world.look("after the deadline")
    await world.dating(world.answers.at_last)
    await world.look("after a last answer")
    await world.weibo({**NOT_BOUND, "amend": True}, {**UNBOUND, "amend": True})
    await world.look("after the others' correction")


@pytest.fixture(scope="module")
def plain_worlds() -> dict[tuple[Story, bool], dict[str, object]]:
    """What was read where there was no binding, told once for each story."""
    return {}


async def compare(
    server: Server,
    known: dict[tuple[Story, bool], dict[str, object]],
    story: Story,
    answers: Answers,
    *,
    others: bool,
) -> None:
    if (story, others) not in known:
        known[story, others] = await told(server, story, NOTHING_THERE, others=others)
    plain = known[story, others]
    other = await told(server, story, answers, others=others)
    assert list(other) == list(plain)
    for instant, read in plain.items():
        assert other[instant] == read, instant


ALONE = ("nothing", "working", "bound", "violation")


@pytest.mark.parametrize("answer", OF_ORDERS)
async def test_an_order_reads_as_if_nothing_had_been_bound(
    server: Server, plain_worlds: Any, answer: str
) -> None:
    answers = OF_ORDERS[answer]
    await compare(server, plain_worlds, an_order, answers, others=True)


@pytest.mark.parametrize("answer", OF_QUERIES)
async def test_a_query_reads_as_if_nothing_had_been_bound(
    server: Server, plain_worlds: Any, answer: str
) -> None:
    answers = OF_QUERIES[answer]
    await compare(server, plain_worlds, a_query, answers, others=True)


@pytest.mark.parametrize("answer", ALONE)
async def test_so_it_does_where_nobody_else_was_asked(
    server: Server, plain_worlds: Any, answer: str
) -> None:
    for story, possible in ((an_order, OF_ORDERS), (a_query, OF_QUERIES)):
        if answer in possible:
            answers = possible[answer]
            await compare(server, plain_worlds, story, answers, others=False)


async def superseded(world: World) -> None:
    """A later holder comes while the sensitive platform may still be at work."""
    await _until_told(world)
    world.scene.clock.advance(timedelta(days=1))
    first, consent = (
        world.eyes.about,
        {"method": "in_app", "at": "2026-11-21T04:00:00Z"},
    )
    later = order_body(owner_since="2026-01-01", consent=consent)
    answer = await world.eyes.ask("/v1/orders", later)
    world.read["superseding"] = world.eyes.seen(answer)
    await world.look("superseding order")
    world.eyes.about = first
    await world.look("superseded")
    await world.dating(world.answers.later)
    await world.look("superseded, after a later answer")


async def braked(world: World) -> None:
    """All unbinding is stopped while the sensitive platform may still be at work."""
    await _until_told(world)
    brake = {"carrier": "china-mobile", "reason": "wrong dates"}
    await world.as_admin("/v1/admin/brake", brake)
    await world.look("braked")
    refused = await world.scene.post("/v1/orders", order_body())
    world.read["refused"] = world.eyes.seen(refused)
    await world.dating(world.answers.later)
    await world.as_admin("/v1/admin/brake/release", brake)
    await world.look("released")
    await world.wait_until_after_the_deadline()
    await world.look("after the deadline")


async def called_back(world: World) -> None:
    """The carrier calls its order back while others are still at work."""
    await _begin(world, "/v1/orders", order_body(), {})
    await world.be_taken()
    await world.dating(world.answers.soon)
    await world.post("cancelled", "cancel", {})
    await world.look("called back")
    await world.dating(world.answers.later)
    await world.weibo(UNBOUND)
    await world.look("after answers")
    await world.post("undone", "restore", {"reason": "a mistake"})
    await world.post(
        "named", "restore", {"reason": "a mistake", "platforms": ["dating"]}
    )
    await world.look("undone")


async def _until_told(world: World) -> None:
    await _begin(world, "/v1/orders", order_body(reference="R-1"), {})
    await world.be_taken()
    await world.weibo(UNBOUND)
    await world.dating(world.answers.soon)
    await world.look("told")


SILENT = {
    "nothing": Answers(),
    "working": Answers(soon=[WORKING]),
    "unbound later": Answers(later=[UNBOUND]),
    "violation": Answers(soon=[VIOLATION]),
    "violation later": Answers(soon=[WANTING], later=[VIOLATION]),
}


PAIRS = [*product((superseded, braked, called_back), SILENT)]
"""All of them when thoroughness is asked for, else each answer in one story."""
if "UNBIND_TEST_EXAMPLES" not in os.environ:
    PAIRS = PAIRS[:: len(SILENT) + 1] + PAIRS[1 :: len(SILENT) + 1]


@pytest.mark.parametrize(("story", "answer"), PAIRS)
async def test_whatever_else_happens_to_an_order_reads_the_same(
    server: Server, plain_worlds: Any, story: Story, answer: str
) -> None:
    await compare(server, plain_worlds, story, SILENT[answer], others=True)


@pytest.mark.parametrize("answer", ["nothing", "working", "unbound", "violation"])
async def test_whoever_waits_is_answered_when_the_request_is_taken(
    server: Server, answer: str
) -> None:
    seen = []
    for answers in (NOTHING_THERE, OF_ORDERS[answer]):
        async with a_world(server, answers, others=True) as world:
            seen.append(await _wait(world))
    assert seen[0] == seen[1]
    assert seen[0][0] == 200


async def _wait(world: World) -> Any:
    headers = {"Prefer": "wait=30", "Idempotency-Key": "waiting"}
    waiting = asyncio.create_task(world.eyes.ask("/v1/orders", order_body(), headers))

    async def accepted() -> str:
        found = (await world.scene.get("/v1/orders")).json()["data"]
        return f"/v1/orders/{found[0]['id']}" if found else ""

    world.eyes.about = await eventually(accepted)
    await world.weibo(UNBOUND)
    await world.be_taken()
    await world.dating(world.answers.soon)
    first = world.eyes.seen(await waiting)
    again = await world.eyes.scene.post("/v1/orders", order_body(), headers)
    repeated = world.eyes.seen(again)
    assert isinstance(first, tuple)
    assert isinstance(repeated, tuple)
    assert first[2] == repeated[2]
    return first


def test_every_answer_that_a_platform_can_give_is_among_the_stories() -> None:
    def given(stories: dict[str, Answers]) -> set[str]:
        return {
            said["outcome"]
            for one in stories.values()
            for said in (*one.taking, *one.soon, *one.later, *one.at_last)
        }

    closing = {ItemStatus.CLOSED}  # only of the holder's own, which is not folded
    assert given(OF_ORDERS) == OUTCOMES[OrderKind.UNBIND] - closing
    assert given(OF_QUERIES) == OUTCOMES[OrderKind.QUERY] | {ItemStatus.UNBOUND}
