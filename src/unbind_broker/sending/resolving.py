"""Turn names into addresses that may be called, or refuse them."""

import asyncio
import errno
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address

from unbind_broker.base.name_lookup import Found, LookUp
from unbind_broker.base.network_guard import UrlPolicy

RESOLVE_LIMIT = timedelta(seconds=2)
MOST_LOOK_UPS = 256
"""A name whose servers do not answer keeps a thread for longer than the limit. Where
so many do not answer, the fault is presumed to be this machine's own."""


_Asked = tuple[str, int, socket.AddressFamily]


class AddressRefused(OSError):
    """A name resolves to an address that is out of bounds."""


def check_address(policy: UrlPolicy, address: str) -> None:
    """Raise ``AddressRefused`` where the policy forbids the address."""
    reason = policy.forbids(ip_address(address))
    if reason is not None:
        raise AddressRefused(reason)


class GuardedNames:
    """Resolve names; one forbidden address among the others refuses them all.

    Each name is looked up once at a time, in a thread that ends with it: names that
    hang keep no other waiting, and do not keep the process from ending.
    """

    def __init__(self, policy: UrlPolicy, look_up: LookUp) -> None:
        self._policy = policy
        self._look_up = look_up
        self._under_way: dict[_Asked, asyncio.Future[list[Found]]] = {}

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[Found]:
        """Give every address; raises ``AddressRefused`` or another ``OSError``."""
        looked_up = self._once((host, port, family))
        try:
            found = await asyncio.wait_for(
                asyncio.shield(looked_up), RESOLVE_LIMIT.total_seconds()
            )
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None
        for one in found:
            check_address(self._policy, one.address)
        return found

    def close(self) -> None:
        """Let the threads go, without waiting for names that do not answer."""
        for looked_up in self._under_way.values():
            looked_up.cancel()

    def _once(self, asked: _Asked) -> asyncio.Future[list[Found]]:
        looked_up = self._under_way.get(asked)
        if looked_up is not None:
            return looked_up
        if len(self._under_way) >= MOST_LOOK_UPS:
            raise OSError(errno.ENOBUFS, "too many names do not answer")
        looked_up = asyncio.get_running_loop().create_future()
        _start(self._look_up, asked, looked_up)
        self._under_way[asked] = looked_up
        looked_up.add_done_callback(lambda done: self._forget(asked, done))
        return looked_up

    def _forget(self, asked: _Asked, done: asyncio.Future[list[Found]]) -> None:
        del self._under_way[asked]
        if not done.cancelled():
            done.exception()  # nobody may be waiting any more


def _start(
    look_up: LookUp, asked: _Asked, looked_up: asyncio.Future[list[Found]]
) -> None:
    """Look up in a thread; raises ``OSError`` when there can be no further one."""

    def run() -> None:
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            try:
                found = look_up(*asked)
            except Exception as error:  # noqa: BLE001 - the edge of the thread
                loop.call_soon_threadsafe(_settle, looked_up, None, error)
            else:
                loop.call_soon_threadsafe(_settle, looked_up, found, None)

    loop = looked_up.get_loop()
    try:
        threading.Thread(target=run, name="resolver", daemon=True).start()
    except RuntimeError:
        raise OSError(errno.ENOMEM, "no thread can be started") from None


def _settle(
    looked_up: asyncio.Future[list[Found]],
    found: list[Found] | None,
    error: Exception | None,
) -> None:
    if looked_up.done():
        return
    if error is not None:
        looked_up.set_exception(error)
    else:
        looked_up.set_result(found or [])
