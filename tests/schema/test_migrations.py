"""The schema: what migrations make is what the tables say, once, and on time."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.database import Server
from unbind_broker.base.database import Db, open_engine
from unbind_broker.base.ids import new_uuid7, uuid7_floor
from unbind_broker.schema.migrate import SchemaOutdated, head, migrate, require_current
from unbind_broker.schema.tables import metadata

PARTITION = re.compile(r"_\d{4}_\d{2}$")


def differences(connection: Connection) -> list[object]:
    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name is not None and PARTITION.search(name))

    context = MigrationContext.configure(
        connection,
        opts={
            "include_name": is_ours,
            "compare_type": True,
            "compare_server_default": True,
        },
    )
    return list(compare_metadata(context, metadata))


async def test_migrations_make_what_the_tables_declare(engine: AsyncEngine) -> None:
    async with engine.connect() as db:
        assert await db.run_sync(differences) == []


async def test_drift_check_notices_a_missing_column(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.execute(text("ALTER TABLE carriers DROP COLUMN name_en"))
        assert await db.run_sync(differences) != []


async def test_current_schema_is_accepted(engine: AsyncEngine) -> None:
    await require_current(engine)
    async with engine.connect() as db:
        version = await db.scalar(text("SELECT version_num FROM alembic_version"))
    assert version == head()


async def test_empty_database_is_refused_with_the_command_that_mends_it(
    server: Server,
) -> None:
    async with server.empty() as url:
        engine = open_engine(url, pool=2, application="tests")
        with pytest.raises(SchemaOutdated, match="run: unbind-broker migrate"):
            await require_current(engine)
        await migrate(engine)
        await require_current(engine)
        await engine.dispose()


async def test_newer_schema_is_accepted(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await require_current(engine)


async def test_two_migrations_at_once_both_succeed(server: Server) -> None:
    async with server.empty() as url:
        engines = [open_engine(url, pool=1, application="tests") for _ in range(3)]
        reached = await asyncio.gather(*(migrate(engine) for engine in engines))
        assert reached == [head()] * 3
        for engine in engines:
            await engine.dispose()


async def test_revisions_that_broke_off_are_begun_again_beside_rows(
    engine: AsyncEngine,
) -> None:
    violated = """
        INSERT INTO violations (id, order_id, clearance_id, place, bound_before,
            platform_id, carrier_id, outcome, last_bound_at, raised_at)
        VALUES
            (uuid7_floor(now()), uuid7_floor(now()), NULL, NULL, NULL,
                1, 1, 12, now(), now()),
            (uuid7_floor(now() + '1 s'), NULL, uuid7_floor(now()), 1, now(),
                1, 1, 12, now(), now())"""
    async with engine.begin() as db:
        await db.execute(text(violated))
        await db.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    await migrate(engine)
    await require_current(engine)
    async with engine.connect() as db:
        assert await db.run_sync(differences) == []
        assert await db.scalar(text("SELECT count(*) FROM violations")) == 2


async def test_partitions_are_made_ahead_and_again_without_harm(db: Db) -> None:
    later = datetime.now(UTC) + timedelta(days=200)
    made = await db.scalar(text("SELECT ensure_months(:at, 3)"), {"at": later})
    again = await db.scalar(text("SELECT ensure_months(:at, 3)"), {"at": later})
    assert made == 4 * 4
    assert again == 0


async def test_an_id_of_a_month_lands_in_that_months_partition(db: Db) -> None:
    for at in (
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 31, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2028, 2, 29, 12, tzinfo=UTC),
    ):
        await db.execute(text("SELECT ensure_months(:at, 0)"), {"at": at})
        await db.execute(
            text(
                "INSERT INTO items (order_id, platform_id, status, attempts, late) "
                "VALUES (:id, 1, 1, 0, false)"
            ),
            {"id": new_uuid7(at)},
        )
    found = await db.execute(
        text("SELECT tableoid::regclass::text FROM items ORDER BY order_id")
    )
    assert list(found.scalars()) == ["items_2027_01", "items_2027_01", "items_2028_02"]


async def test_database_and_program_agree_on_the_first_id_of_an_instant(db: Db) -> None:
    for at in (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2027, 3, 4, 5, 6, 7, 891000, tzinfo=UTC),
    ):
        theirs = await db.scalar(text("SELECT uuid7_floor(:at)"), {"at": at})
        assert theirs <= new_uuid7(at)
        assert theirs.int >> 80 == uuid7_floor(at).int >> 80


@pytest.mark.parametrize(
    "statement",
    [
        (
            "INSERT INTO items (order_id, platform_id, status, attempts, late) "
            "VALUES (uuid7_floor(now()), 1, 5, 0, false)"
        ),
        (
            "INSERT INTO items (order_id, platform_id, status, attempts, late) "
            "VALUES (uuid7_floor(now()), 1, 12, 0, false)"
        ),
        (
            "INSERT INTO endpoints (delivery, status, max_batch, max_concurrency, "
            "created_at, changed_at) VALUES (1, 1, 50, 4, now(), now())"
        ),
        (
            "INSERT INTO api_keys (digest, role, name, hint, created_at) "
            "VALUES ('x', 1, 'n', 'abcd', now())"
        ),
    ],
    ids=["unknown status", "final without a time", "nobody's endpoint", "nobody's key"],
)
async def test_impossible_rows_are_refused_by_the_database(
    db: Db, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="CheckViolation"):
        await db.execute(text(statement))
