"""``unbind-broker bench`` finds what measures, or says where it is to be had."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from unbind_broker.cli.bench import (
    ROOT,
    Cost,
    NothingMeasures,
    TooLittleDisk,
    cost_of,
    programs,
    require_disk,
)


def test_the_programs_of_a_source_tree_are_found(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    for name in ("bench_read.py", "bench_accept.py", "frame.py"):
        (tmp_path / "benchmarks" / name).touch()

    assert programs(tmp_path) == ["accept", "read"]


def test_without_a_source_tree_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingMeasures, match="get the repository and run make bench"):
        programs(tmp_path)


def test_they_are_named_without_running_any(command: Command) -> None:
    ended = command("bench", "--list")

    assert (ended.code, ended.out.split()) == (0, programs(ROOT))


def test_an_unknown_name_is_refused_with_those_there_are(command: Command) -> None:
    ended = command("bench", "speed")

    assert ended.code == 1
    assert "unknown: speed; there are: " in ended.err


def test_minutes_add_up_and_disk_is_what_the_largest_takes(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/costs.toml").write_text(
        "read = { minutes = 2, gib = 1 }\n"
        "growth = { minutes = 14, gib = 8 }\n"
        "idle = { minutes = 7, gib = 1 }\n",
        encoding="utf-8",
    )

    assert cost_of(tmp_path, ["read", "growth"]) == Cost(minutes=16, gib=8)


def test_what_every_program_takes_is_known() -> None:
    for name in programs(ROOT):
        cost = cost_of(ROOT, [name])
        assert cost.minutes > 0
        assert cost.gib > 0


def test_too_little_disk_is_refused_with_what_is_needed_and_where(
    tmp_path: Path,
) -> None:
    require_disk(Cost(1, gib=8), tmp_path, 8 * 2**30)

    with pytest.raises(TooLittleDisk, match=r"expected 8 GiB .* found 7\.5; TMPDIR"):
        require_disk(Cost(1, gib=8), tmp_path, 15 * 2**29)


def test_what_they_take_is_told_without_running_any(command: Command) -> None:
    ended = command("bench", "--likely", "read", "idle")

    cost = cost_of(ROOT, ["read", "idle"])
    assert ended.code == 0
    assert f"{cost.minutes} minutes, and up to {cost.gib} GiB" in ended.err
    assert "==" not in ended.err


@pytest.mark.parametrize(("option", "code"), [("--likely", 0), ("--fits", 1)])
def test_too_little_disk_is_told_and_refused_where_that_is_asked(
    option: str, code: int
) -> None:
    """Nothing is free in /proc."""
    program = (
        "import tempfile; tempfile.tempdir = '/proc';"
        "from unbind_broker.cli.main import run; run()"
    )
    asked = [sys.executable, "-c", program, "bench", option, "growth"]

    ended = subprocess.run(asked, check=False, capture_output=True, text=True)

    assert ended.returncode == code, ended.stderr
    assert "GiB in /proc, where 0 are free" in ended.stderr
    assert ("GiB of free disk in /proc" in ended.stderr) == bool(code)
