"""One metadata, one way to open Postgres, typed statements."""

import asyncio
import hashlib
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from asyncpg import Connection
from asyncpg.exceptions import ConnectionDoesNotExistError
from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    TextClause,
    TypeDecorator,
    bindparam,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from unbind_broker.base.coded_enum import CodedEnum

metadata = MetaData()

Db = AsyncConnection
"""An open transaction. Whoever opens it commits it; features only receive it."""

INSTANT = DateTime(timezone=True)
UUID = PG_UUID(as_uuid=True)
BYTES = LargeBinary()
TEXT = Text()
INT = Integer()
BIG = BigInteger()
FLOAT = Float()
UUIDS = ARRAY(UUID)
INTS = ARRAY(Integer())
BIGS = ARRAY(BigInteger())
SMALLS = ARRAY(SmallInteger())
BOOLEANS = ARRAY(Boolean())
TEXTS = ARRAY(Text())
INSTANTS = ARRAY(INSTANT)
BYTESES = ARRAY(BYTES)

AnyEnum = TypeVar("AnyEnum", bound=CodedEnum)

CONNECT_LIMIT = 5.0
CLOSING_LIMIT = 3.0
ANSWER_LIMIT = 20.0
"""Seconds; what the broker asks is answered in milliseconds."""
FRESH = 6.0
"""Seconds for which a connection that was used is trusted to be there still."""
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
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "60000",
    # The server finds out as soon as we do, and lets go of our locks.
    "tcp_keepalives_idle": str(KEEPALIVE_SECONDS),
    "tcp_keepalives_interval": str(KEEPALIVE_SECONDS),
    "tcp_keepalives_count": str(KEEPALIVES),
    "tcp_user_timeout": str(SILENCE_SECONDS * 1000),
    "jit": "off",
    # A plan that was kept since a queue was empty would read it whole.
    "enable_seqscan": "off",
    # Nor may some rows that are named be merged with all that there are: what looks
    # cheap by yesterday's statistics walks over a whole partition of items. Hash joins
    # stay: without them each of the named is compared with each that there is.
    "enable_mergejoin": "off",
}
# Classes of SQLSTATE: connection, transaction state, rollback, resources, object state,
# operator intervention, system.
_PASSING = {"08", "25", "40", "53", "55", "57", "58"}


class Coded(TypeDecorator[AnyEnum]):
    """Store a ``CodedEnum`` as its code in a ``smallint``."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = SmallInteger
    cache_ok: bool | None = True

    def __init__(self, enum: type[AnyEnum]) -> None:
        super().__init__()
        self.enum = enum

    @override
    def process_bind_param(self, value: AnyEnum | None, dialect: Dialect) -> int | None:
        """Hand the code to the driver."""
        del dialect
        return None if value is None else value.code

    @override
    def process_result_value(
        self, value: int | None, dialect: Dialect
    ) -> AnyEnum | None:
        """Read the code back as its word."""
        del dialect
        return None if value is None else self.enum.from_code(value)


def sql(statement: str, **types: TypeEngine[Any]) -> TextClause:
    """Prepare a hand-written statement whose parameters carry their types.

    asyncpg casts every parameter, and guesses badly for instants and large integers;
    so each ``:name`` is declared here.
    """
    return text(statement).bindparams(
        *(bindparam(name, type_=kind) for name, kind in types.items())
    )


def open_engine(
    url: str | URL,
    *,
    pool: int = 10,
    application: str,
    answer_limit: float | None = ANSWER_LIMIT,
    autocommit: bool = False,
    statement_limit: float | None = None,
) -> AsyncEngine:
    """Open a pool of at most ``pool`` connections, every one of them in UTC.

    A statement that is not answered within ``answer_limit`` seconds raises
    ``TimeoutError``, and every connection of the pool is opened anew: whatever swallows
    one connection without a word (a firewall that forgot it) swallows the others too.
    With ``autocommit`` each statement is a transaction of its own: for reads, which
    then cost a third of the round trips. After ``statement_limit`` seconds the server
    itself gives a statement up; the connection stays.
    """
    isolation = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    limits = {}
    if statement_limit is not None:
        limits["statement_timeout"] = str(int(statement_limit * 1000))
    engine = create_async_engine(
        url,
        **isolation,
        pool_size=pool,
        max_overflow=0,
        # Those that were used last are hot there too, and need no ping.
        pool_use_lifo=True,
        pool_timeout=3,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_LIMIT,
            "command_timeout": answer_limit,
            "connection_class": _WatchedConnection,
            "server_settings": {
                "application_name": application,
                **_SERVER_SETTINGS,
                **limits,
            },
        },
    )
    event.listen(engine.sync_engine, "handle_error", _suspect_silence)
    event.listen(engine.sync_engine, "checkin", _note_use)
    event.listen(engine.sync_engine, "checkout", partial(_ping_unless_used, engine))
    return engine


async def close_engine(engine: AsyncEngine) -> None:
    """Close the pool, but let a database that is away hold up nobody's end."""
    with suppress(TimeoutError, SQLAlchemyError):
        async with asyncio.timeout(CLOSING_LIMIT):
            await engine.dispose()


def is_refusal(error: DBAPIError) -> bool:
    """Tell whether the database refuses what it was asked, and always will.

    Not so if it is away, ending, starting, full, read-only after a change of servers,
    or had two transactions in each other's way: then the same works later.
    """
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return not error.connection_invalidated and state[:2] not in _PASSING


class _WatchedConnection(Connection):
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
        """Begin, end or ask whether the other end is there: silence means gone."""
        try:
            return await super().execute(*args, **options)
        except TimeoutError as silence:
            raise self._gone() from silence

    @override
    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        """Ask whether the other end is there: silence means gone."""
        try:
            return await super().fetchrow(*args, **options)
        except TimeoutError as silence:
            raise self._gone() from silence

    def _gone(self) -> ConnectionDoesNotExistError:
        self.terminate()
        return ConnectionDoesNotExistError("the database did not answer in time")


def _note_use(connection: object, record: ConnectionPoolEntry) -> None:
    del connection
    record.info["used_at"] = monotonic()


def _ping_unless_used(
    engine: AsyncEngine, connection: Any, record: ConnectionPoolEntry, fairy: object
) -> None:
    """Ask whether the other end is there, unless it was a moment ago.

    A ping is three round trips; one that went away with a word is known without.
    """
    del fairy
    used_at = record.info.get("used_at")
    if used_at is None:
        return
    if monotonic() - used_at < FRESH and not connection.driver_connection.is_closed():
        return
    try:
        engine.dialect.do_ping(connection)
    except Exception as gone:
        raise InvalidatePoolError from gone


def _suspect_silence(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True


def lock_key(name: str) -> int:
    """Give the key of the advisory lock that is called ``name``."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


async def fetch_all(
    db: Db, statement: TextClause, values: Mapping[str, object]
) -> list[Any]:
    """Run ``statement`` and return every row."""
    return list((await db.execute(statement, dict(values))).all())


AWAY = (DBAPIError, PoolTimeout, OSError)
"""What may mean that the database cannot be reached; of the first, `is_away` tells."""


def is_away(error: DBAPIError) -> bool:
    """Tell a database that cannot be reached from a statement that it refuses."""
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    return (
        error.connection_invalidated
        or isinstance(error, (OperationalError, InterfaceError))
        or sqlstate.startswith(("08", "53", "57"))
    )
