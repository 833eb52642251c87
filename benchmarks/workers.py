"""Workers in processes of their own, and what they and their database compute."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.processes import computed, computed_by_family
from benchmarks.servers import postmaster
from benchmarks.sink import Sink
from benchmarks.stack import end, environment_of, run
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import sql
from unbind_broker.items.states import ItemStatus

PATIENCE = 300.0
LOOK = 0.02
SAMPLE = 0.05


@asynccontextmanager
async def some_workers(
    engine: AsyncEngine, many: int, settings: Mapping[str, str]
) -> AsyncIterator[list[int]]:
    """Run workers; begin when they share all endpoints evenly. Give their processes."""
    async with AsyncExitStack() as ending:
        log = ending.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is left there
        url = engine.url.render_as_string(hide_password=False)
        environment = environment_of(url, settings)
        pids = []
        for _ in range(many):
            running = await run(["worker"], environment, log)
            ending.push_async_callback(end, running)
            pids.append(running.pid)
        await _shared(engine, many)
        yield pids


async def _shared(engine: AsyncEngine, many: int) -> None:
    """Wait until no worker holds fewer endpoints than its part."""
    async with asyncio.timeout(PATIENCE), engine.connect() as db:
        while True:
            found = (await db.execute(_HOLDERS)).scalars().all()
            await db.rollback()
            held = Counter(one for one in found if one is not None)
            least = len(found) // many
            everything = held.total() == len(found)
            if everything and len(held) == many and min(held.values()) >= least:
                return
            await asyncio.sleep(LOOK)


async def delivered(
    engine: AsyncEngine, sink: Sink, expected: int, first: UUID, seconds: float
) -> float:
    """Wait until as many items have come and been recorded; return when that was.

    Only orders from ``first`` on are looked at.
    """
    async with asyncio.timeout(seconds):
        while sink.read()["items"] < expected:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(LOOK)
        async with engine.connect() as db:
            while (await db.execute(_LEFT, {"first": first})).scalar_one():
                await db.rollback()
                await asyncio.sleep(LOOK)
    return monotonic()


async def transactions(engine: AsyncEngine) -> int:
    """Give how many transactions this database has seen, reads included."""
    async with engine.connect() as db:
        return int((await db.execute(_TRANSACTIONS)).scalar_one())


@dataclass
class Load:
    """Cores that were busy while it was watched, and what backends waited for."""

    seconds: float = 0.0
    cores: dict[str, float] = field(default_factory=dict)
    busy: float = 0.0
    samples: int = 0
    waits: Counter[str] = field(default_factory=Counter)

    @property
    def figures(self) -> dict[str, float]:
        """Give mean cores by part, and mean backends by what they did."""
        most = max(self.samples, 1)
        return {
            **{f"{part}_cores": used for part, used in self.cores.items()},
            "machine_cores": self.busy,
            "backends_running": self.waits["running"] / most,
            "backends_writing": (self.waits["IO"] + self.waits["WAL"]) / most,
            "backends_locked": (self.waits["LWLock"] + self.waits["Lock"]) / most,
        }


@asynccontextmanager
async def watched(
    engine: AsyncEngine, workers: Sequence[int], *receivers: int
) -> AsyncIterator[Load]:
    """Watch who computes; the figures stand when the block is left."""
    load, father = Load(), await postmaster(engine)

    def now() -> dict[str, float]:
        return {
            "worker": computed(*workers),
            "postgres": computed_by_family(father),
            "receiver": computed(*receivers),
        }

    sampling = asyncio.create_task(_sample(engine, load))
    began, before, busy = monotonic(), now(), _busy()
    try:
        yield load
    finally:
        load.seconds = monotonic() - began
        load.busy = (_busy() - busy) / load.seconds
        load.cores = {
            part: (used - before[part]) / load.seconds for part, used in now().items()
        }
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)


async def _sample(engine: AsyncEngine, load: Load) -> None:
    plain = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with plain.connect() as db:
        while True:
            for kind, count in await db.execute(_WAITS):
                load.waits[kind] += count
            load.samples += 1
            await asyncio.sleep(SAMPLE)


def _busy() -> float:
    """Give the seconds that all cores together have computed, for whomever."""
    line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    user, nice, system, _, _, *interrupts = (int(one) for one in line.split()[1:9])
    return (user + nice + system + sum(interrupts)) / 100


_HOLDERS = text("SELECT holder FROM endpoint_leases")
_LEFT = sql(
    "SELECT EXISTS (SELECT FROM items WHERE order_id >= :first "  # noqa: S608 - a code
    f"AND status = {ItemStatus.QUEUED.code})",
    first=UUID_TYPE,
)
_TRANSACTIONS = text(
    "SELECT xact_commit + xact_rollback FROM pg_stat_database "
    "WHERE datname = current_database()"
)
_WAITS = text(
    """
    SELECT CASE
        WHEN wait_event IS NULL THEN 'running'
        WHEN wait_event_type = 'IPC' OR wait_event LIKE 'WAL%' THEN 'WAL'
        ELSE wait_event_type END,
        count(*)
    FROM pg_stat_activity
    WHERE state = 'active' AND datname = current_database()
        AND pid <> pg_backend_pid()
    GROUP BY 1"""
)
