"""Run a command on an event loop, and hear the signals that end it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

Value = TypeVar("Value")


def run_on_loop(main: Coroutine[Any, Any, Value]) -> Value:
    """Run ``main`` to its end, on uvloop where that is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


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


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - absent on some machines
    except ImportError:
        return None
    return uvloop.new_event_loop
