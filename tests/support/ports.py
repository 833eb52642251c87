"""Ports for whoever is told where to listen before it does, or listens there again."""

import os
import socket
from contextlib import suppress
from itertools import cycle, islice

LOWEST = 12_000
"""From here up to the ports that systems hand out themselves, as whatever listens on
any free port and every connection gets one: between a look and its use one of those
may be taken by anybody."""
SLICE = 100
SLICES = 200

_first = LOWEST + os.getpid() % SLICES * SLICE
_next = cycle(range(_first, _first + SLICE))


def a_free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on, and no other test is given."""
    for port in islice(_next, SLICE):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("every port of this process is taken")
