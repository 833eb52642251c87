"""Every program that measures works: tiny sizes, everything accounted for.

What they read is checked by themselves: rows are counted, signatures are verified, an
answer that is missing ends the program.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.alternatives.competitors import COMPETITORS
from benchmarks.frame import measured
from benchmarks.page import ROOT, all_programs, pages
from benchmarks.reading_back import read
from benchmarks.servers import lending
from tests.support.database import Server

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(300)]

PROGRAMS = all_programs()
LEAST_DEAR = "watch"


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


async def test_a_program_is_a_command(server: Server, tmp_path: Path) -> None:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.bench_{LEAST_DEAR}"),
        *("--smoke", "--into", str(tmp_path)),
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
    kept = (tmp_path / f"{LEAST_DEAR}.json").read_text(encoding="utf-8")
    assert json.loads(said) == json.loads(kept)
