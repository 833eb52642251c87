"""Run a script through pgbench, on the broker's settings of a connection."""

import asyncio
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.figures import programs

THREADS = 2
_RATE = re.compile(r"^tps = ([\d.]+) \(without initial", re.MULTILINE)
_DONE = re.compile(r"actually processed: (\d+)/")
_SETTINGS = text(
    "SELECT name, setting FROM pg_settings"
    " WHERE source = 'client' AND (category LIKE 'Query Tuning%' OR name = 'TimeZone')"
)
"""What our connections ask for that a statement may be planned or answered by."""


@dataclass(frozen=True)
class Ran:
    """Transactions a second, how many, and the seconds that pgbench itself computed."""

    rate: float
    transactions: int
    computed: float


async def run(
    engine: AsyncEngine, script: str, clients: int, transactions: int, first: int
) -> Ran:
    """Run a script so many times, by ``clients`` at once; ``first`` is ``:from``."""
    each = max(1, transactions // clients)
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        before = _computed()
        running = await asyncio.create_subprocess_exec(
            *(_pgbench(), "--no-vacuum", "--protocol=prepared", f"--file={file.name}"),
            *(f"--client={clients}", f"--jobs={min(THREADS, clients)}"),
            *(f"--transactions={each}", "-D", f"from={first}", "-D", "place=0"),
            env={**os.environ, **await _environment(engine)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await running.communicate()
    told = said.decode()
    rate, done = _RATE.search(told), _DONE.search(told)
    if running.returncode or not rate or not done:
        raise AssertionError(f"pgbench failed: {complained.decode()[:2000]}")
    return Ran(float(rate[1]), int(done[1]), _computed() - before)


def _pgbench() -> Path:
    """Find the one that came with the server, or the machine's own."""
    found = programs().folder / "pgbench"
    if found.exists():
        return found
    own = shutil.which("pgbench")
    if own is None:
        raise AssertionError("pgbench is not installed: it comes with Postgres")
    return Path(own)


async def _environment(engine: AsyncEngine) -> dict[str, str]:
    url = make_url(engine.url)
    async with engine.connect() as db:
        asked = await db.execute(_SETTINGS)
        settings = {row.name: row.setting for row in asked}
    host = url.host or url.query.get("host") or ""
    given = {
        "PGHOST": str(host),
        "PGPORT": str(url.port or url.query.get("port") or ""),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    return {name: str(value) for name, value in given.items() if value}


def _computed() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
