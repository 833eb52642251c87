"""A sender that stood still does not go on as if nothing had been."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.support.clock import NOON
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.outbound import open_outbound

pytestmark = pytest.mark.real_time(0.05)

LIMIT = timedelta(seconds=0.1)
STILL = 0.4
"""Seconds for which the whole process stands still: longer than a request may take."""


class Watch:
    """A receiver with a thread of its own: it hears what arrives as it arrives."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        self.heard: list[tuple[float, bytes]] = []

    def listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(60)
                said = connection.recv(65536)
                self.heard.append((time.monotonic(), said))


@contextmanager
def watching() -> Iterator[Watch]:
    listener = socket.create_server(("127.0.0.1", 0))
    watch = Watch(listener)
    thread = threading.Thread(target=watch.listen)
    thread.start()
    try:
        yield watch
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.mark.parametrize("turns", range(1, 9))
async def test_nothing_leaves_once_the_time_is_up(turns: int) -> None:
    """However many turns of the loop the request has had before."""
    with watching() as watch:
        async with open_outbound(UrlPolicy(allow_private=True), lambda: NOON) as post:
            sending = asyncio.create_task(post.post(watch.url, {}, b"{}", LIMIT))
            for _ in range(turns):
                await asyncio.sleep(0)
            time.sleep(STILL)  # noqa: ASYNC251 - that is what is tried
            went_on = time.monotonic()
            exchange = await sending

    arrived = [at for at, said in watch.heard if said]
    assert all(at < went_on for at in arrived)
    assert exchange.disclosed or not arrived
    assert exchange.outcome.kind is not OutcomeKind.ACCEPTED


async def test_endpoint_is_not_to_blame_for_it() -> None:
    """Where there was a connection already, and nothing but time was lacking."""
    kinds = set()
    with watching() as watch:
        async with open_outbound(UrlPolicy(allow_private=True), lambda: NOON) as post:
            for turns in range(3, 8):
                sending = asyncio.create_task(post.post(watch.url, {}, b"{}", LIMIT))
                for _ in range(turns):
                    await asyncio.sleep(0)
                time.sleep(STILL)  # noqa: ASYNC251 - that is what is tried
                exchange = await sending
                kinds.add((exchange.outcome.kind, exchange.disclosed))

    assert (OutcomeKind.OWN_FAULT, False) in kinds
    assert all(
        not disclosed or kind is not OutcomeKind.OWN_FAULT for kind, disclosed in kinds
    )
