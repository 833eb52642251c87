"""Turn names into addresses that may be called, or refuse them."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple

from unbind_broker.base.network_guard import UrlPolicy

RESOLVE_LIMIT = timedelta(seconds=2)
THREADS = 32
"""A name whose servers do not answer keeps a thread for longer than the limit."""


class Found(NamedTuple):
    """An address of a name."""

    family: socket.AddressFamily
    protocol: int
    address: str


LookUp = Callable[[str, int, socket.AddressFamily], list[Found]]
"""Resolve a host and port, in a thread."""


class AddressRefused(OSError):
    """A name resolves to an address that is out of bounds."""


def look_up(host: str, port: int, family: socket.AddressFamily) -> list[Found]:
    """Ask the machine's resolver; raises ``socket.gaierror``."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from None
    return [Found(kind, proto, str(place[0])) for kind, _, proto, _, place in found]


class GuardedNames:
    """Resolve names; one forbidden address among the others refuses them all."""

    def __init__(self, policy: UrlPolicy, look_up: LookUp) -> None:
        self._policy = policy
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[Found]:
        """Give every address; raises ``AddressRefused`` or ``socket.gaierror``."""
        loop = asyncio.get_running_loop()
        looked_up = loop.run_in_executor(
            self._threads, self._look_up, host, port, family
        )
        try:
            found = await asyncio.wait_for(looked_up, RESOLVE_LIMIT.total_seconds())
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None
        for one in found:
            self._check(one.address)
        return found

    def close(self) -> None:
        """Let the threads go, without waiting for names that do not answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, address: str) -> None:
        if "%" in address:
            raise AddressRefused("carries a zone")
        reason = self._policy.forbids(ip_address(address))
        if reason is not None:
            raise AddressRefused(reason)
