"""A command ends when its work is done, whatever it leaves behind."""

import asyncio
import logging

import pytest

from unbind_broker.cli.loop import run_on_loop


async def stubborn(refusals: int, ended: list[str]) -> None:
    """Swallow cancellations, as ``wait_for`` of Python 3.11 does now and then."""
    for _ in range(refusals):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def leave(refusals: int, ended: list[str]) -> str:
    task = asyncio.create_task(stubborn(refusals, ended))
    await asyncio.sleep(0)
    assert not task.done()
    return "done"


def test_task_that_misses_a_cancellation_is_broken_off() -> None:
    ended: list[str] = []
    assert run_on_loop(leave(1, ended)) == "done"
    assert ended == ["ended"]


def test_task_that_will_not_end_holds_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert run_on_loop(leave(1000, []), 0.2) == "done"
    assert "tasks_never_end" in caplog.messages


def test_fault_of_the_work_is_passed_on() -> None:
    async def fail() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run_on_loop(fail())
