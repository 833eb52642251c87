"""One metadata, one way to open Postgres, typed statements."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import (
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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
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


def open_engine(url: str, *, pool: int = 10, application: str) -> AsyncEngine:
    """Open a pool of at most ``pool`` connections, every one of them in UTC."""
    return create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=3,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": application,
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": "60000",
                "jit": "off",
            },
        },
    )


def lock_key(name: str) -> int:
    """Give the key of the advisory lock that is called ``name``."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


async def fetch_all(
    db: Db, statement: TextClause, values: Mapping[str, object]
) -> list[Any]:
    """Run ``statement`` and return every row."""
    return list((await db.execute(statement, dict(values))).all())
