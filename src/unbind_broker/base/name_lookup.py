"""Ask the machine what a host name stands for."""

import socket
from collections.abc import Callable
from typing import NamedTuple


class Found(NamedTuple):
    """An address of a name."""

    family: socket.AddressFamily
    protocol: int
    address: str


LookUp = Callable[[str, int, socket.AddressFamily], list[Found]]
"""Resolve a host and port; blocks, and so runs in a thread."""


def look_up(host: str, port: int, family: socket.AddressFamily) -> list[Found]:
    """Ask the machine's resolver; raises ``socket.gaierror``."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from None
    return [Found(kind, proto, str(place[0])) for kind, _, proto, _, place in found]
