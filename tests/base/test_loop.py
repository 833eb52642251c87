"""A loop outlives faults, is woken early and stops when told."""

import asyncio

import pytest
from typing_extensions import override

from tests.support.waiting import eventually
from unbind_broker.base import loop as loops
from unbind_broker.base.loop import TOGETHER, Loop, break_off, with_others


async def test_loop_goes_on_after_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    stopping = asyncio.Event()
    calls = 0

    async def step() -> float:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("database away")
        stopping.set()
        return 60

    under_test = Loop("reader", step)
    await asyncio.wait_for(under_test.run(stopping), 60)
    assert calls == 2
    assert under_test.faults == 1
    assert "loop_fault" in caplog.text


async def test_wake_cuts_the_pause_short() -> None:
    stopping = asyncio.Event()
    calls = asyncio.Queue[int]()

    async def step() -> float:
        await calls.put(1)
        return 3600

    under_test = Loop("reader", step)
    running = asyncio.create_task(under_test.run(stopping))
    await asyncio.wait_for(calls.get(), 60)
    under_test.wake()
    await asyncio.wait_for(calls.get(), 60)
    stopping.set()
    await asyncio.wait_for(running, 60)
    assert running.done()


async def test_stop_ends_a_long_pause() -> None:
    stopping = asyncio.Event()
    started = asyncio.Event()

    async def step() -> float:
        started.set()
        return 3600

    running = asyncio.create_task(Loop("reader", step).run(stopping))
    await started.wait()
    stopping.set()
    await asyncio.wait_for(running, 60)
    assert running.done()


async def test_pause_after_faults_grows_to_a_limit() -> None:
    stopping = asyncio.Event()
    pauses: list[float] = []

    class Watched(Loop):
        @override
        async def _rest(self, pause: float, stopping: asyncio.Event) -> None:
            pauses.append(pause)
            if len(pauses) == 12:
                stopping.set()

    async def step() -> float:
        raise RuntimeError("database away")

    await Watched("reader", step).run(stopping)
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert max(pauses) == loops.LONGEST_PAUSE


async def test_long_streak_of_faults_is_told_ever_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopping = asyncio.Event()
    calls = 0

    class Restless(Loop):
        @override
        async def _rest(self, pause: float, stopping: asyncio.Event) -> None:
            await asyncio.sleep(0)

    async def step() -> float:
        nonlocal calls
        calls += 1
        if calls <= 40:
            raise RuntimeError("database away")
        stopping.set()
        return 0

    await Restless("restless", step).run(stopping)
    records = [one for one in caplog.records if vars(one).get("loop") == "restless"]
    told = [record.getMessage() for record in records]
    assert told == ["loop_fault", *["loop_fault_lasts"] * 5, "loop_recovered"]
    assert [bool(record.exc_info) for record in records] == [True, *[False] * 6]


async def test_nothing_wakes_a_loop_from_the_pause_after_a_fault() -> None:
    stopping = asyncio.Event()
    calls = asyncio.Queue[int]()

    class Lasting(Loop):
        @override
        async def _rest(self, pause: float, stopping: asyncio.Event) -> None:
            await super()._rest(3600 if self.faults == 4 else pause, stopping)

    async def step() -> float:
        await calls.put(1)
        raise RuntimeError("database away")

    under_test = Lasting("reader", step)
    running = asyncio.create_task(under_test.run(stopping))
    for _ in range(4):
        await asyncio.wait_for(calls.get(), 60)
    await eventually(lambda: under_test.faults == 4)
    for _ in range(10):
        under_test.wake()
        await asyncio.sleep(0.01)
    assert calls.empty()
    stopping.set()
    await asyncio.wait_for(running, 60)
    assert under_test.faults == 4


async def test_loop_is_broken_off_even_if_its_step_takes_a_cancellation_lightly() -> (
    None
):
    started = asyncio.Event()
    taken_lightly = 0

    async def step() -> float:
        nonlocal taken_lightly
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if taken_lightly:
                raise
            taken_lightly += 1
        return 0

    running = asyncio.create_task(Loop("reader", step).run(asyncio.Event()))
    await started.wait()
    async with asyncio.timeout(60):
        await break_off([running])
    assert running.cancelled()
    assert taken_lightly == 1


def test_long_pauses_end_together() -> None:
    for now, pause in [(1000.0, 1.0), (1000.1, 1.0), (1000.13, 0.25), (7.77, 20.0)]:
        rest = with_others(pause, now)
        assert (now + rest) / TOGETHER == pytest.approx(round((now + rest) / TOGETHER))
        assert abs(rest - pause) <= TOGETHER / 2


def test_short_pauses_stay_as_they_are() -> None:
    assert [with_others(pause, 1000.1) for pause in (0.0, 0.02, 0.2)] == [0, 0.02, 0.2]


async def test_wake_before_a_fault_does_not_shorten_the_pause_after_it() -> None:
    stopping = asyncio.Event()
    began: list[float] = []

    async def step() -> float:
        began.append(asyncio.get_running_loop().time())
        under_test.wake()
        if len(began) == 1:
            raise RuntimeError("database away")
        stopping.set()
        return 0.0

    under_test = Loop("reader", step)
    await asyncio.wait_for(under_test.run(stopping), 60)
    first, second = began
    assert second - first >= loops.FIRST_PAUSE * 0.9
