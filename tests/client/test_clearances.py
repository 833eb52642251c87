"""Clearances, part by part, over lines that break."""

from collections.abc import AsyncIterator
from datetime import date

import pytest

from tests.client.proxy import Mood, Proxy
from unbind_broker.client import Client, Quarantined, errors

GIVEN_UP = date(2026, 8, 20)
NUMBERS = tuple(Quarantined(f"+8613800002{n:03}", GIVEN_UP) for n in range(7))


async def later(*numbers: Quarantined) -> AsyncIterator[Quarantined]:
    for one in numbers:
        yield one


async def test_parts_are_put_once_over_a_broken_line(
    flaky: Client, client: Client, proxy: Proxy
) -> None:
    draft = await client.clearances.begin("B-1")
    proxy.moods.extend([Mood.SWALLOW, Mood.HALF, Mood.DROP])
    told = [part async for part in flaky.clearances.fill(draft.id, NUMBERS, 3)]
    again = [part async for part in flaky.clearances.fill(draft.id, later(*NUMBERS), 3)]
    seen = await client.clearances.get(draft.id)

    assert [(part.part, part.accepted) for part in told] == [(1, 3), (2, 3), (3, 1)]
    assert again == told
    assert (seen.status, seen.reference, len(seen.parts)) == ("draft", "B-1", 3)


async def test_bad_lines_are_named_and_the_others_kept(client: Client) -> None:
    draft = await client.clearances.begin()
    lines = [NUMBERS[0], Quarantined("+861", GIVEN_UP), NUMBERS[0]]
    part = await client.clearances.put_part(draft.id, 1, lines)

    assert (part.accepted, part.refused) == (1, 2)
    assert [bad.line for bad in part.bad] == [2, 3]
    assert "1380000" not in repr(part) + repr(lines)


async def test_clearance_is_published_once_and_numbers_are_withdrawn(
    client: Client,
) -> None:
    draft = await client.clearances.begin()
    await client.clearances.put_part(draft.id, 1, NUMBERS)
    first = await client.clearances.publish(draft.id)
    second = await client.clearances.publish(draft.id)
    gone = await client.clearances.withdraw(draft.id, [NUMBERS[2].number, "+861"])
    running = [one.id async for one in client.clearances.list(status="in_progress")]

    assert first.status == second.status == "in_progress"
    assert first.published_at == second.published_at
    assert [line.status for line in gone.results] == ["withdrawn", "rejected"]
    assert running == [draft.id]
    with pytest.raises(errors.ClearanceWrong):
        await client.clearances.put_part(draft.id, 2, NUMBERS[:1])


async def test_empty_clearance_is_refused(client: Client) -> None:
    draft = await client.clearances.begin()
    with pytest.raises(errors.ClearanceWrong, match="clearance-empty"):
        await client.clearances.publish(draft.id)
