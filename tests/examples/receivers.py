"""Run a receiver as a platform would, and let the kit try it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.docs.pages import ROOT
from tests.support.ports import a_free_port
from tests.support.waiting import PATIENCE
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.magic_numbers import as_document
from unbind_broker.conformance.plan import Plan, new_key, new_secret
from unbind_broker.conformance.running import Judged, try_endpoint

PLATFORMS = ROOT / "examples" / "platforms"
EXPRESS = PLATFORMS / "express"
FASTAPI = PLATFORMS / "fastapi_receiver.py"
FLASK = PLATFORMS / "flask_receiver.py"


async def tried(
    command: Sequence[str], folder: Path, *, times: int = 1
) -> list[Judged]:
    """Try it so many times, and give what came of the last one."""
    judged: list[Judged] = []
    port = a_free_port()
    with reserve("127.0.0.1", port) as listener:
        plan, told = planned(folder, url_of(listener))
        async with running(command, folder, told):
            judged = await try_endpoint(plan, listener, SystemClock().now)
            for _ in range(times - 1):
                with reserve("127.0.0.1", port) as again:
                    judged = await try_endpoint(plan, again, SystemClock().now)
    return judged


def planned(folder: Path, broker: str) -> tuple[Plan, dict[str, str]]:
    """Say what the kit is to try, and what the receiver is told of it."""
    (folder / "numbers.json").write_text(json.dumps(as_document()), encoding="utf-8")
    port = a_free_port()
    plan = Plan(
        url=f"http://127.0.0.1:{port}/hooks",
        secret=new_secret(),
        key=new_key(),
        max_batch=12,
        wait=timedelta(seconds=PATIENCE),
        within=timedelta(seconds=PATIENCE),
        pause=timedelta(seconds=0.1),
    )
    told = {
        "UNBIND_URL": broker,
        "UNBIND_KEY": plan.key,
        "UNBIND_SECRET": f"{new_secret().text} {plan.secret.text}",
        "UNBIND_NUMBERS": "numbers.json",
        "PORT": str(port),
    }
    return plan, told


@asynccontextmanager
async def running(
    command: Sequence[str], folder: Path, told: dict[str, str]
) -> AsyncIterator[None]:
    """Run a receiver in a folder until the end of the block, and kill it then."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("UNBIND_")}
    with (folder / "printed.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**plain, **told},
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield
        printed = (folder / "printed.log").read_text(encoding="utf-8")
        assert process.returncode is None, printed
        assert "1380000" not in printed
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def python(file: Path) -> tuple[str, str]:
    return sys.executable, str(file)
