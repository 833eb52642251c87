"""A pool's connections: they notice silence, and plan anew every few seconds."""

import asyncio
import socket
from time import monotonic
from typing import Any

from asyncpg import Connection
from asyncpg.exceptions import ConnectionDoesNotExistError
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from typing_extensions import override

FRESH = 6.0
"""Seconds for which a connection is trusted to be there, and its plans to fit."""
KEEPALIVE_SECONDS = 5
KEEPALIVES = 3
SILENCE_SECONDS = 20
"""What was sent must be acknowledged by then, an idle connection's probes as well."""
_TCP_OPTIONS = {
    "TCP_KEEPIDLE": KEEPALIVE_SECONDS,
    "TCP_KEEPINTVL": KEEPALIVE_SECONDS,
    "TCP_KEEPCNT": KEEPALIVES,
    "TCP_USER_TIMEOUT": SILENCE_SECONDS * 1000,
}
_FORGET_PLANS = "DISCARD PLANS"


class WatchedConnection(Connection):
    """Notice within seconds that the other end has gone without a word."""

    def __init__(
        self, protocol: Any, transport: asyncio.Transport, *others: Any
    ) -> None:
        super().__init__(protocol, transport, *others)
        watched = transport.get_extra_info("socket")
        if watched.family == socket.AF_UNIX:
            return
        watched.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _TCP_OPTIONS.items():
            option = getattr(socket, name, None)  # not every system has them all
            if option is not None:
                watched.setsockopt(socket.IPPROTO_TCP, option, value)

    @override
    async def execute(self, *args: Any, **options: Any) -> str:
        """Begin, end or have plans forgotten: silence means gone."""
        try:
            return await super().execute(*args, **options)
        except TimeoutError as silence:
            raise self._gone() from silence

    def _gone(self) -> ConnectionDoesNotExistError:
        self.terminate()
        return ConnectionDoesNotExistError("the database did not answer in time")


def forget_plans_now_and_then(
    connection: Any, record: ConnectionPoolEntry, fairy: object
) -> None:
    """Have a connection forget its plans, unless it did so a moment ago.

    Postgres keeps a plan until it notices, up to minutes later, that tables grew: one
    made when a table was empty reads it whole, and on the first busy day it would not
    be empty for long. It shows at the same time whether the other end is there.
    """
    del fairy
    now = monotonic()
    asked_at = record.info.setdefault("asked_at", now)
    if now - asked_at < FRESH and not connection.driver_connection.is_closed():
        return
    try:
        connection.run_async(lambda driver: driver.execute(_FORGET_PLANS))
    except Exception as gone:
        raise InvalidatePoolError from gone
    record.info["asked_at"] = now
