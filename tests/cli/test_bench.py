"""``unbind-broker bench`` finds what measures, or says where it is to be had."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from unbind_broker.cli.bench import ROOT, NothingMeasures, programs


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
