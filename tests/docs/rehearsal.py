"""A broker with a worker and simulated platforms, for whoever follows the pages."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.working import working
from tests.worker.stage import short
from unbind_broker.base.clock import SystemClock
from unbind_broker.demo.simulation import Play, simulated_by_admin
from unbind_broker.demo.traits import Traits
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.catalogue import load_catalogue
from unbind_broker.runtime.opening import Runtime

PATIENCE = 100.0
SLUGS = ("115", "alipay", "didi", "taobao", "weibo")
SENSITIVE = 2


@dataclass(frozen=True)
class Rehearsal:
    """What a developer has to begin with, and a folder to work in."""

    url: str
    key: str
    folder: Path
    sandbox_key: str = ""

    async def run(self, *command: str, told: str = "") -> str:
        """Run a program to its end, which must be a good one; give what it printed."""
        own = {"UNBIND_URL": self.url, "UNBIND_KEY": self.key}
        own["UNBIND_SANDBOX_KEY"] = self.sandbox_key
        return await run(self.folder, *command, told=told, environment=own)


async def run(
    folder: Path,
    *command: str,
    told: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program in a folder, with nothing of ours set but ``environment``."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**_plain(folder), **(environment or {})},
        start_new_session=True,
    )
    try:
        printed, errors = await asyncio.wait_for(
            process.communicate(told.encode()), PATIENCE
        )
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)  # and all that it has started
            await process.wait()
    assert process.returncode == 0, printed.decode() + errors.decode()
    return printed.decode()


def _plain(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("UNBIND_")}
    beside = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{beside}:{kept['PATH']}", "HOME": str(folder)}


@asynccontextmanager
async def rehearsal(engine: AsyncEngine, folder: Path) -> AsyncIterator[Rehearsal]:
    """Have everything run until the end of the block."""
    clock = SystemClock()
    async with engine.begin() as db:
        admin = await a_key(db, Role.ADMIN)
        holder = await a_carrier(db, now=clock.now())
        carrier = await a_key(db, holder)
        twin = await open_sandbox(db, clock.now(), holder.id, "test")
        rehearsing = await a_key(db, replace(holder, id=twin))
    runtime = Runtime(
        settings=short(undo_window=timedelta(hours=24)),
        engine=engine,
        clock=clock,
        sealer=SEALER,
        blind_index=BLIND_INDEX,
        broker_key=BROKER_KEY,
    )
    entries = list(load_catalogue())
    chosen = [entry for entry in entries if entry.slug in SLUGS]
    chosen += [entry for entry in entries if entry.sensitive][:SENSITIVE]
    play = Play(clock, lambda _: Traits(latency=timedelta(milliseconds=5)))
    async with on_a_port(runtime) as http, working(runtime):
        url = str(http.base_url).rstrip("/")
        async with simulated_by_admin(url, admin.key, chosen, play):
            yield Rehearsal(url, carrier.key, folder, rehearsing.key)
