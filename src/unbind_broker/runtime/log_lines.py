"""Write log lines from a thread: a reader that is slow or gone holds up nobody else."""

import logging
import os
import select
from collections import deque
from io import UnsupportedOperation
from threading import Condition, Thread
from time import monotonic
from typing import TextIO

from typing_extensions import override

MOST_WAITING = 10_000
"""Lines that wait for their reader, a few megabytes; what comes then is dropped."""
GATHERING = 0.02
"""Seconds that the first line waits for others: the thread that writes them takes turns
with the event loop, and each turn costs."""
FLUSHING_LIMIT = 2.0
"""Seconds that a process that ends waits for the reader of its last lines."""


class LinesInBackground(logging.Handler):
    """Put lines in a bounded queue; a thread writes them together.

    How many were dropped is told in a line of its own, once there is room again. A
    process that is killed loses what it said in its last moment.
    """

    def __init__(
        self, stream: TextIO, most: int = MOST_WAITING, gathering: float = GATHERING
    ) -> None:
        super().__init__()
        self.dropped = 0
        """Lines since the beginning."""
        self._untold = 0
        self._stream = stream
        self._file = _file_of(stream)
        self._most = most
        self._gathering = gathering
        self._waiting: deque[str] = deque()
        self._changed = Condition()
        self._is_writing = self._is_closed = self._is_stuck = False
        self._thread: Thread | None = None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Put a line in the queue, or count that it was dropped."""
        if len(self._waiting) >= self._most:
            self.dropped += 1
            self._untold += 1
            return
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as logging does: told, and lived with
            self.handleError(record)
            return
        self._waiting.append(line)
        if len(self._waiting) == 1:
            self._wake()

    @override
    def flush(self) -> None:
        """Wait until what has been said is written, but not for ever."""
        until = monotonic() + FLUSHING_LIMIT
        with self._changed:
            self._changed.notify_all()
            while (self._waiting or self._is_writing) and not self._is_stuck:
                self._is_stuck = not self._changed.wait(until - monotonic())

    @override
    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._is_closed = True
        self.flush()
        super().close()

    def _wake(self) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="log lines", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while self._next():
            text = self._gathered()
            try:
                self._write(text)
            except (OSError, ValueError):
                pass  # whoever read it has gone; there is nobody to be told
            finally:
                with self._changed:
                    self._is_writing = False
                    self._changed.notify_all()

    def _next(self) -> bool:
        """Wait for lines, and a moment for more of them."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return False
                self._changed.wait()
            if not self._is_closed:
                self._changed.wait(self._gathering)
            self._is_writing, self._is_stuck = True, False
        return True

    def _gathered(self) -> str:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        untold, self._untold = self._untold, 0
        if untold:
            facts = {"dropped": untold, "levelno": logging.WARNING}
            said = {"msg": "log_lines_dropped", "levelname": "WARNING", **facts}
            lines.append(self.format(logging.makeLogRecord({"name": __name__, **said})))
        return "\n".join(lines) + "\n"

    def _write(self, text: str) -> None:
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        while rest:
            # Past the stream, whose lock would be held for as long as the reader waits.
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:
                select.select([], [self._file], [])


def _file_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, UnsupportedOperation):
        return None
