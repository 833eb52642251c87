"""Where numbers and secrets could be left lying: logs, command lines, tables."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.leak_cast import World, number
from tests.journeys.speakers import values_at
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.database import open_engine
from unbind_broker.base.sealing import parse_key
from unbind_broker.runtime.embedded import open_embedded
from unbind_broker.runtime.installation import KEYS_FILE

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
_FAULTS = (
    "SELECT CAST(:number AS integer)",
    "INSERT INTO carriers (slug) VALUES (:number)",
    "INSERT INTO order_log (xid, order_id) VALUES (1, CAST(:number AS uuid))",
    "DO $$ BEGIN RAISE WARNING '+8613800000199'; RAISE '+8613800000199'; END $$",
    "SELECT '+8613800000199', 1 / (CAST(:number AS text) IS NULL)::int",
)

_BREAKS = (
    ("ALTER TABLE holdings RENAME TO away", "ALTER TABLE away RENAME TO holdings"),
    (
        "ALTER TABLE idempotency ADD CONSTRAINT never CHECK (false) NOT VALID",
        "ALTER TABLE idempotency DROP CONSTRAINT never",
    ),
)
"""Each with what mends it."""


@asynccontextmanager
async def database(world: World) -> AsyncIterator[AsyncEngine]:
    """Join the install's database, or start it."""
    with open_embedded(world.data) as found:
        engine = open_engine(found.url, pool=2, application="tests")
        yield engine
        await engine.dispose()


async def provoke(engine: AsyncEngine) -> None:
    """Have the server refuse statements that hold numbers, as text and parameters."""
    for statement in _FAULTS:
        async with engine.connect() as db:
            try:
                values = {"number": number(199)} if ":number" in statement else {}
                await db.execute(text(statement), values)
            except DBAPIError:
                continue
        raise AssertionError(f"the server took {statement}")


async def break_tables(world: World, engine: AsyncEngine) -> None:
    """Have the API fail where it handles numbers, so that it logs why."""
    carrier, asked = world.speakers["china-mobile"], world.asking(114)
    headers = {"Idempotency-Key": number(114)}
    line = {"number": number(114), "event": "activated", "on": "2025-03-01"}
    requests = {"/v1/orders": asked, "/v1/queries": asked, "/v1/holdings": line}
    for broken, mended in _BREAKS:
        await _execute(engine, broken)
        for path, body in requests.items():
            answer = await carrier.ask("POST", path, body, headers=headers)
            assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR, answer.text
        await _execute(engine, mended)


async def _execute(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as db:
        await db.execute(text(statement))


async def dump(engine: AsyncEngine) -> dict[str, str]:
    """Read every row of every table as text; bytes come as hex."""
    async with engine.connect() as db:
        names = list((await db.execute(_TABLES)).scalars())
        rows = {
            name: (await db.execute(text(f'SELECT t::text FROM "{name}" t'))).scalars()  # noqa: S608 - names of tables
            for name in names
        }
    return {name: "\n".join(found) for name, found in rows.items()}


def guard_keys(world: World) -> None:
    """Look for the install's own keys wherever anything was heard."""
    kept = json.loads((world.data / KEYS_FILE).read_text())
    for name in ("secret_keys", "index_key"):
        world.overheard.guard(parse_key(kept[name]).raw)
    signing = BrokerKey.derived(parse_key(kept["index_key"]))
    world.overheard.guard(signing.private.private_bytes_raw())


async def hear_command_lines(world: World) -> None:
    """Keep what anybody on the machine reads of our processes with ``ps``."""
    process = await asyncio.create_subprocess_exec(
        *("ps", "-ww", "-eo", "pid=,ppid=,args="), stdout=asyncio.subprocess.PIPE
    )
    listed, _ = await process.communicate()
    postmaster = (world.data / "postgres" / "postmaster.pid").read_text().split()[0]
    ours = {str(one.pid) for one in world.commands.started} | {postmaster}
    lines = [line for line in listed.decode().splitlines() if _is_of(line, ours)]
    assert len(lines) >= 2
    world.overheard.hear("ps", "\n".join(lines))


def _is_of(line: str, pids: Collection[str]) -> bool:
    pid, parent, *_ = line.split(maxsplit=2)
    return pid in pids or parent in pids


def hear_processes(world: World) -> None:
    """Keep what processes printed and logged; keys are told to whoever issues them."""
    for place, process in enumerate(world.commands.started):
        issued = [one for one in world.keys.values() if one in process.printed]
        assert len(issued) <= 1
        world.overheard.hear(f"stdout of {place}", process.printed, issued)
        world.overheard.hear(f"stderr of {place}", process.log)
    log = world.data / "postgres.log"
    world.overheard.hear("postgres.log", log.read_text(errors="replace"))


def hear_webhooks(world: World) -> None:
    """Keep what was posted; platforms are told numbers and attestations there."""
    told_to_platforms = ("data.items.number", "data.items.attestation")
    for slug, door in world.receiver.doors.items():
        assert not door.rejected
        for one in door.deliveries:
            fields = () if slug.startswith("china-") else told_to_platforms
            told = [
                json.dumps(value)
                for path in fields
                if one.type.endswith(".requested")
                for value in values_at(one.payload, path.split("."))
            ]
            head = "\n".join(f"{name}: {value}" for name, value in one.headers.items())
            place = f"{one.type} to {slug}"
            world.overheard.hear(place, f"{head}\n{one.body.decode()}", told)
    world.overheard.hear("strangers", " ".join(world.receiver.strangers))
