"""Clearances, part by part, over lines that break."""

import json
from collections.abc import AsyncIterator
from datetime import date

import pytest

from tests.client.conftest import QUICK
from tests.client.proxy import Mood, Proxy
from tests.client.scripted import Said, ScriptedBroker
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


async def test_results_are_resumed_behind_the_last_place(
    scripted: ScriptedBroker,
) -> None:
    def row(place: int) -> bytes:
        told = {
            "place": place,
            "number": NUMBERS[0].number,
            "disconnected_on": "2026-08-20",
            "state": "invented_later",
            "release": False,
            "blocked_by": [{"platform": "icbc", "reason": "legal_hold", "new": 1}],
        }
        return json.dumps(told).encode() + b"\n"

    kind = {"Content-Type": "application/x-ndjson"}
    scripted.will_say(
        Said(200, None, kind, (row(1), row(2), row(3)[:40]), breaks=True),
        Said(200, None, kind, (row(3), row(4))),
    )
    async with Client(scripted.url, "ub_carrier_test", QUICK) as client:
        told = [one async for one in client.clearances.results("clr_1")]

    assert [one.place for one in told] == [1, 2, 3, 4]
    assert "after=2" in scripted.heard[1].path
    assert "1380000" not in repr(told)


async def test_results_of_a_published_clearance_are_read(client: Client) -> None:
    draft = await client.clearances.begin()
    await client.clearances.put_part(draft.id, 1, NUMBERS)
    with pytest.raises(errors.ClearanceWrong):
        await anext(client.clearances.results(draft.id))
    await client.clearances.publish(draft.id)
    told = [one async for one in client.clearances.results(draft.id, after=2)]

    assert [one.place for one in told] == [3, 4, 5, 6, 7]
    assert {one.state for one in told} == {"partial"}
    assert not any(one.release for one in told)
