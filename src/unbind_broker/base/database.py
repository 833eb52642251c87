"""One metadata, one way to open Postgres, typed statements."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

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
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.connections import (
    KEEPALIVE_SECONDS,
    KEEPALIVES,
    SILENCE_SECONDS,
    WatchedConnection,
    forget_plans_now_and_then,
)

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
    settings = _SERVER_SETTINGS | {"application_name": application}
    if statement_limit is not None:
        settings["statement_timeout"] = str(int(statement_limit * 1000))
    engine = create_async_engine(
        url,
        **isolation,
        pool_size=pool,
        max_overflow=0,
        # Those that were used last are hot there too.
        pool_use_lifo=True,
        pool_timeout=3,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_LIMIT,
            "command_timeout": answer_limit,
            "connection_class": WatchedConnection,
            "server_settings": settings,
        },
    )
    event.listen(engine.sync_engine, "handle_error", _suspect_silence)
    event.listen(engine.sync_engine, "checkout", forget_plans_now_and_then)
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
