"""Every program that measures works: tiny sizes, everything accounted for.

What they read is checked by themselves: rows are counted, signatures are verified, an
answer that is missing ends the program.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.alternatives.competitors import COMPETITORS
from benchmarks.frame import measured
from benchmarks.page import ROOT, all_programs, pages
from benchmarks.reading_back import read
from benchmarks.servers import lending
from tests.support.database import Server

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(300)]

PROGRAMS = all_programs()


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service's modules be compiled once, not by each of its processes."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
async def test_a_program_measures_all_its_sides(
    server: Server, name: str, tmp_path: Path
) -> None:
    if name == "alternatives" and all(one.missing() for one in COMPETITORS):
        pytest.skip("no alternative is installed (head of bench_alternatives.py)")
    program = PROGRAMS[name]
    given = program.options(["--smoke", "--into", str(tmp_path)])

    with lending(server):
        told = await measured(program.ABOUT, given, program.cases)

    kept = read(program.ABOUT, tmp_path)
    assert kept is not None
    assert kept.cases == json.loads(told)["cases"]
    for case in kept.cases:
        assert case["of"].keys() == program.ABOUT.parameters.keys()
        assert case["rounds"].keys() <= program.ABOUT.sides.keys()
        assert [len(found) for found in case["rounds"].values()] == [1] * len(
            case["rounds"]
        )
    page = pages([program.ABOUT], tmp_path, tmp_path)["benchmarks.md"]
    assert f"## {program.ABOUT.title.en}" in page


def _crowd(told: dict[str, Any]) -> None:
    assert told["processes_alive"] == [True]
    assert told["reads_meanwhile"]["answers"].keys() == {"200"}
    assert told["crowd"]["answers"].keys() <= {"202", "429", "503"}


def _launch_day(told: dict[str, Any]) -> None:
    assert told["settled"]["open"] == 0
    assert told["settled"]["stored"] == told["settled"]["accepted"] > 0
    assert told["at_asked_rate"]["faults"] == 0
    assert told["plain_sql_per_second"] > 0


def _snapshot(told: dict[str, Any]) -> None:
    cases = told["cases"]
    assert cases.keys() == {"undisturbed", "snapshot_held", "transaction_open"}
    assert all(
        case["log"]["reads"] and case["orders_accepted"] for case in cases.values()
    )


OUTSIDE = {"crowd": _crowd, "launch_day": _launch_day, "snapshot": _snapshot}
"""Programs that report in forms of their own, with what must be told."""


@pytest.mark.parametrize("name", sorted(OUTSIDE))
async def test_a_program_outside_the_frame_reports(server: Server, name: str) -> None:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.bench_{name}", "--smoke"),
        cwd=ROOT,
        env={**os.environ, "UNBIND_TEST_DATABASE_URL": server.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complained = await running.communicate()
    finally:
        if running.returncode is None:
            running.terminate()
            await running.wait()

    assert running.returncode == 0, complained.decode()
    OUTSIDE[name](json.loads(said))


def test_every_program_has_its_test() -> None:
    names = {path.stem for path in (ROOT / "benchmarks").glob("bench_*.py")}

    assert names == {f"bench_{name}" for name in (*PROGRAMS, *OUTSIDE)}
