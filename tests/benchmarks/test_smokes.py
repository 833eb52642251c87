"""Every program that measures works: tiny sizes, everything accounted for."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.page import ROOT, all_abouts
from tests.support.database import Server

pytestmark = pytest.mark.smoke

PATIENCE = 270.0
NAMES = [about.name for about in all_abouts()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
async def test_a_program_runs_and_reports(
    server: Server, name: str, tmp_path: Path
) -> None:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.bench_{name}"),
        *("--smoke", "--into", str(tmp_path)),
        cwd=ROOT,
        env={**os.environ, "UNBIND_TEST_DATABASE_URL": server.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, complained = await running.communicate()
    finally:
        if running.returncode is None:
            running.terminate()
            await running.wait()

    assert running.returncode == 0, complained.decode()
    report = json.loads(said)
    assert report["name"] == name
    assert all(
        len(found) == 1 for case in report["cases"] for found in case["rounds"].values()
    )
    kept = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert kept == report
