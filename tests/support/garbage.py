"""What a process that serves says to the collector of garbage is taken back."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_as_before() -> Iterator[None]:
    """Let garbage be collected after the block as before it."""
    usual = gc.get_threshold()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
