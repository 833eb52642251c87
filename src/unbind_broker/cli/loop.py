"""Run a command on an event loop, and hear the signals that end it."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

from unbind_broker.base.loop import break_off

log = logging.getLogger(__name__)

ENDING_LIMIT = 5.0
"""Seconds that tasks left over have to end, before the process ends without them."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)

Value = TypeVar("Value")


def run_on_loop(
    main: Coroutine[Any, Any, Value], ending_limit: float = ENDING_LIMIT
) -> Value:
    """Run ``main`` to its end, on uvloop where that is installed.

    What it leaves behind is broken off; a task that will not end holds up nothing. A
    signal that is to end the process breaks off ``main`` first, as Ctrl-C does.
    """
    runner = asyncio.Runner(loop_factory=_loop_factory())
    breaking = _BreakingOff()
    try:
        return runner.run(_alone(main, ending_limit, breaking))
    except asyncio.CancelledError:
        breaking.pass_on()
        raise
    finally:
        _close(runner)
        breaking.restore()


class Stop:
    """Tell that the process shall end: ``asked`` once, ``hurried`` when asked again."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    @classmethod
    def on_signals(cls) -> Self:
        """Hear Ctrl-C, SIGTERM and a closed terminal from now on.

        They no longer raise. A closed terminal means nothing to whoever asked not to
        be told of it (``nohup``).
        """
        stop = cls()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, stop.ask)
        return stop

    async def lets_finish(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do ``work`` unless asked to end meanwhile; tell whether it is done."""
        working = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self.asked.wait())
        try:
            await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
            return working.done() and not self.asked.is_set()
        finally:
            asked.cancel()
            working.cancel()
            await asyncio.wait((working,))

    def ask(self) -> None:
        """Ask once to end, again to hurry."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()


def _close(runner: asyncio.Runner) -> None:
    loop = runner.get_loop()
    left = asyncio.all_tasks(loop)
    if left:
        log.error("tasks_never_end", extra={"tasks": len(left)})
        loop.close()
    else:
        runner.close()


class _BreakingOff:
    """Cancel the work when a signal comes whose handler would raise amid the loop.

    Raised there, ``SystemExit`` leaves every task as it stands, and connections open.
    """

    def __init__(self) -> None:
        own = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, *_ENDING) if own else ()
        self._found = {number: signal.getsignal(number) for number in numbers}
        self._before = {
            number: handler
            for number, handler in self._found.items()
            if number in _ENDING and callable(handler)
        }
        self._came: signal.Signals | None = None

    def hear(self) -> None:
        """Begin to hear, from inside the work."""
        working = asyncio.current_task()
        for number in self._before:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(number, self._break_off, working, number)

    def pass_on(self) -> None:
        """Do what the signal that came was to do, now that the work has ended."""
        if self._came is not None:
            self._before[self._came](self._came, None)

    def restore(self) -> None:
        """Put the handlers back: a closed loop leaves its own, which hear nothing."""
        for number, handler in self._found.items():
            if handler is not None:  # as of what was set up outside of Python
                signal.signal(number, handler)

    def _break_off(
        self, working: asyncio.Task[Any] | None, number: signal.Signals
    ) -> None:
        if self._came is not None:
            self.pass_on()
        self._came = number
        if working is not None:
            working.cancel()


async def _alone(
    main: Coroutine[Any, Any, Value], ending_limit: float, breaking: _BreakingOff
) -> Value:
    """Await ``main``, then break off every other task."""
    breaking.hear()
    try:
        return await main
    finally:
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me]
        with suppress(TimeoutError):
            async with asyncio.timeout(ending_limit):
                await break_off(others)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - absent on some machines
    except ImportError:
        return None
    return uvloop.new_event_loop
