"""Reads of what is due leave out what was, and miss nothing for long."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.plan_steps import steps_of
from unbind_broker.base.database import INSTANT, INT, sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.floors import FROM_THE_BEGINNING, MARGIN, Floors

HERE, THERE = EndpointId(1), EndpointId(2)
HOUR = timedelta(hours=1)


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def a_row(endpoint_id: EndpointId, due_in: timedelta) -> Due:
    subject = Subject(endpoint_id, EventType.UNBIND_REQUESTED, UUID(int=1))
    return Due(subject, NOON + due_in, 1)


def test_first_read_is_whole(seconds: Seconds) -> None:
    assert Floors(seconds).of([HERE]) == {}


def test_next_reads_look_from_a_little_before_the_oldest_row(seconds: Seconds) -> None:
    floors = Floors(seconds)
    rows = [a_row(HERE, -HOUR), a_row(HERE, -2 * HOUR)]
    floors.note([HERE, THERE], NOON, rows)
    assert floors.of([HERE, THERE]) == {
        HERE: NOON - 2 * HOUR - MARGIN,
        THERE: NOON - MARGIN,
    }


def test_all_is_looked_at_again_after_a_while(seconds: Seconds) -> None:
    floors = Floors(seconds)
    floors.note([HERE], NOON, [])
    seconds.now = FROM_THE_BEGINNING - 0.001
    assert floors.of([HERE]) == {HERE: NOON - MARGIN}
    floors.note([], NOON + HOUR, [])
    seconds.now = FROM_THE_BEGINNING
    assert floors.of([HERE]) == {}


def test_a_look_parts_endpoints_by_what_is_known_of_them(seconds: Seconds) -> None:
    floors = Floors(seconds)
    everywhere = [HERE, THERE, EndpointId(3)]
    assert floors.look(NOON, everywhere).whole == everywhere
    floors.note([HERE, THERE], NOON, [a_row(THERE, -HOUR)])
    seconds.now = FROM_THE_BEGINNING - 0.001
    later = NOON + timedelta(seconds=FROM_THE_BEGINNING)
    look = floors.look(later, everywhere)
    assert (look.whole, look.recent, look.backlog) == ([EndpointId(3)], [HERE], [THERE])
    assert look.since <= floors.of([HERE])[HERE]
    seconds.now = FROM_THE_BEGINNING
    assert floors.look(later, everywhere).whole == everywhere


async def churn(db: AsyncConnection, endpoint_id: EndpointId, count: int) -> None:
    """Write rows, each due a second after the other, and delete them."""
    written = sql(
        "INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)"
        " SELECT :endpoint, :now + g * interval '1 s', 2, gen_random_uuid(), 1"
        " FROM generate_series(1, :count) g",
        endpoint=INT,
        now=INSTANT,
        count=INT,
    )
    await db.execute(written, {"endpoint": endpoint_id, "now": NOON, "count": count})
    await db.commit()
    await db.execute(text("DELETE FROM deliveries"))
    await db.commit()


async def test_rows_that_an_old_snapshot_keeps_cost_reads_nothing(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        made = await an_endpoint(db, await a_platform(db))
    one = made.endpoint.id
    later = NOON + timedelta(seconds=3000)
    read = {"endpoints": [one], "rooms": [50], "now": later}
    async with engine.connect() as plain, engine.connect() as db:
        old = await plain.execution_options(isolation_level="REPEATABLE READ")
        await old.execute(text("SELECT FROM platforms"))
        await churn(db, one, 3000)
        blocks = []
        for floor in (NOON, later - MARGIN):
            values = {**read, "floors": [floor]}
            steps = await steps_of(db, queue._DUE, values, generic=False)
            blocks.append(max(step.blocks for step in steps))
    whole, from_floor = blocks
    assert from_floor * 10 < whole
