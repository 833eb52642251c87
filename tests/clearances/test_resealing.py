"""A sealing key is changed while clearances' numbers stay readable."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_filled_draft, has_put, ndjson, number
from tests.support.clock import FixedClock
from tests.support.order_api import a_scene
from tests.support.sealing import SEALER
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer, SecretKey
from unbind_broker.clearances.resealing import (
    ResealPosition,
    count_by_key,
    reseal_numbers,
)
from unbind_broker.clearances.sealed_numbers import open_number
from unbind_broker.clearances.tables import clearance_numbers

NEW_KEY = SecretKey(b"a newer sealing key of 32 bytes.")
OLD_KEY = SecretKey(b"a sealing key of thirty-two byte")
BOTH = Sealer([NEW_KEY, OLD_KEY])
NEW = Sealer([NEW_KEY])


async def some_parts(engine: AsyncEngine, clock: FixedClock) -> list[PhoneNumber]:
    async with a_scene(engine, clock) as scene:
        for first in (0, 100):
            path = await a_filled_draft(scene, range(first, first + 5))
            await has_put(scene, path, ndjson(range(first + 5, first + 8)), part=2)
    places = [*range(8), *range(100, 108)]
    return [PhoneNumber(number(place)) for place in places]


async def walk(engine: AsyncEngine, sealer: Sealer, limit: int) -> tuple[int, int]:
    """Go through all parts once; count what was sealed anew, what cannot be read."""
    numbers = unreadable = 0
    position: ResealPosition | None = None
    for _ in range(100):
        async with engine.begin() as db:
            step = await reseal_numbers(db, sealer, position, limit)
        numbers, unreadable = numbers + step.numbers, unreadable + step.unreadable
        position = step.position
        if position is None:
            return numbers, unreadable
    raise AssertionError("the walk does not end")


async def test_numbers_are_sealed_anew_part_by_part(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    numbers = await some_parts(engine, clock)
    assert await walk(engine, BOTH, 2) == (16, 0)
    async with engine.connect() as db:
        kept = select(clearance_numbers.c.number_sealed).order_by(
            clearance_numbers.c.clearance_id, clearance_numbers.c.place
        )
        rows = (await db.execute(kept)).scalars()
        assert [open_number(NEW, one) for one in rows] == numbers
        assert await count_by_key(db) == {NEW.key_id: 16}
    assert await walk(engine, BOTH, 2) == (0, 0)


async def test_a_number_that_no_key_opens_holds_nobody_else_up(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    await some_parts(engine, clock)
    async with engine.begin() as db:
        broken = text(
            "UPDATE clearance_numbers SET number_sealed = number_sealed || '\\x00'"
            " WHERE place = 2"
        )
        await db.execute(broken)
    assert await walk(engine, BOTH, 2) == (14, 2)
    assert await walk(engine, BOTH, 2) == (0, 2)
    async with engine.connect() as db:
        assert await count_by_key(db) == {NEW.key_id: 6, SEALER.key_id: 10}
