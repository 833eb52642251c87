"""Who uses a data folder, told by locks that vanish with a killed process.

Two files: one is held for the length of a decision (start, join, stop), the
other is shared by everyone inside. Neither descriptor is inherited by the
server, or the locks would outlive their owners.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder

_DECISION_PATIENCE_S = 300.0
_STEP_S = 0.01


class Membership:
    """Take part in the use of a data folder."""

    def __init__(self, folder: DataFolder) -> None:
        self._root = folder.root
        self._members = folder.open_file(folder.root / "postgres.users")
        self._decision = folder.open_file(folder.root / "postgres.lock")
        self._owner = os.getpid()
        self._closed = False

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Be the only one who starts, joins or stops the server just now."""
        if not wait_until(lambda: try_lock(self._decision), _DECISION_PATIENCE_S):
            raise EmbeddedPostgresError(
                f"another command has been starting or stopping the database in "
                f"{self._root} for minutes; end it first"
            )
        try:
            yield
        finally:
            fcntl.flock(self._decision, fcntl.LOCK_UN)

    def is_alone(self) -> bool:
        """Tell whether no other process is inside; gives up our own share."""
        return try_lock(self._members)

    def join(self) -> None:
        """Be counted as one who uses the server."""
        fcntl.flock(self._members, fcntl.LOCK_SH)

    def is_closed(self) -> bool:
        """Tell whether there is nothing left to leave.

        A forked child shares its parent's lock and must not give it up.
        """
        return self._closed or self._owner != os.getpid()

    def close(self) -> None:
        """Stop being counted."""
        if not self._closed:
            self._closed = True
            os.close(self._members)
            os.close(self._decision)


def try_lock(descriptor: int) -> bool:
    """Lock the open file for ourselves if nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Look every 10 ms until it is so; False when patience ran out."""
    end = time.monotonic() + patience_s
    pause = Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(_STEP_S)
    return True
