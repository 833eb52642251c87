"""The demonstration tells its whole story and ends well."""

import asyncio
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.processes import PATIENCE, Process, processes
from tests.support.waiting import eventually

pytestmark = pytest.mark.journey

COMMANDS = 5


async def test_demo_once_ends_with_every_item_final(tmp_path: Path) -> None:
    async with processes(tmp_path) as commands:
        demo = await commands.start("demo", "--once", "--platforms", "60")
        told = await demo.rest()
        code = await demo.ended()

    assert code == 0, demo.log
    assert "Query qry_" in told
    assert "Order ord_" in told
    assert told.count("every item is final") == 2
    assert "60 of 60 final" in told


async def test_replay_catches_brakes_undoes_and_proves(tmp_path: Path) -> None:
    async with processes(tmp_path) as commands:
        replay = await commands.start("demo", "--replay-2022")
        told = await replay.rest()
        code = await replay.ended()

    assert code == 0, told + replay.log
    assert "no unbind orders are taken until an administrator releases" in told
    assert "active_after_cutoff" in told
    assert "restore restored" in told
    assert ", 0 still are." in told
    assert "checked with the public key alone: it holds." in told
    assert "Audit trail verified: no fault." in told


async def test_demo_prints_commands_that_work_and_stays_up(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    async with processes(tmp_path) as commands:
        demo = await commands.start("demo", "--platforms", "8")
        while not (line := await demo.line()).startswith("# "):
            pass
        # The command waits ten seconds; a busy machine may need longer.
        asking = await printed_command(demo)
        answers = [await eventually(partial(completed, asking))]
        for _ in range(COMMANDS - 1):
            command = await printed_command(demo)
            answers.append(json.loads(await shell(command)))
        code = await demo.stop()

    asked, ordered, read, me, listed = answers
    assert line == "# Ask which bindings a number has, and wait for the answers"
    assert (asked["kind"], asked["status"]) == ("query", "completed")
    assert (ordered["kind"], read["kind"]) == ("unbind", "unbind")
    assert read["status"] == "completed"
    assert me["role"] == "platform"
    assert len(listed["data"]) == 8
    assert code == 0, demo.log


async def printed_command(demo: Process) -> str:
    """Read a command up to its last line, and skip what stands before it."""
    lines = [await demo.line()]
    while not lines[0].startswith("curl "):
        lines = [await demo.line()]
    while lines[-1].endswith(("\\", ",")):
        lines.append(await demo.line())
    return "\n".join(lines)


async def completed(command: str) -> dict[str, Any] | None:
    """Run it; give what it printed if that is complete."""
    told: dict[str, Any] = json.loads(await shell(command))
    return told if told["status"] == "completed" else None


async def shell(command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return printed
