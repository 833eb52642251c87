"""A command ends when its work is done, whatever it leaves behind."""

import asyncio
import gc
import logging
import os
import signal

import pytest

from unbind_broker.cli.loop import Stop, run_on_loop


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
        gc.collect()  # what is said of the task is said here, and in no other test
    assert "tasks_never_end" in caplog.messages


def test_fault_of_the_work_is_passed_on() -> None:
    async def fail() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run_on_loop(fail())


def test_signal_breaks_off_the_work_before_it_ends_the_process() -> None:
    ended: list[str] = []

    async def work() -> None:
        task = asyncio.create_task(stubborn(0, ended))
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")
            assert not task.done()

    def exit_with_its_number(number: int, _frame: object) -> None:
        raise SystemExit(number)

    before = signal.signal(signal.SIGTERM, exit_with_its_number)
    try:
        with pytest.raises(SystemExit) as exited:
            run_on_loop(work())
        assert signal.getsignal(signal.SIGTERM) is exit_with_its_number
    finally:
        signal.signal(signal.SIGTERM, before)
    assert exited.value.code == signal.SIGTERM
    assert ended == ["work", "ended"]


async def be_asked() -> None:
    """Wait for Ctrl-C as commands do that serve."""
    stop = Stop.on_signals()
    os.kill(os.getpid(), signal.SIGINT)
    await stop.asked.wait()


def test_ctrl_c_is_heard_again_when_the_loop_is_closed() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_on_loop(be_asked())
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_signals_that_were_left_to_the_system_are_so_again() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        run_on_loop(be_asked())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
