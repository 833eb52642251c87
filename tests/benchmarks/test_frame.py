"""Sides take turns, every reading is kept, and ratios are formed within a round."""

import json
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.figures import put
from benchmarks.frame import Case, Reading, Side, a_parser, asked, in_turns, measure
from benchmarks.page import pages, stale
from benchmarks.reading_back import Report, read, spread

RATE = Measure("rate", Words("items/s", "条/秒"))
ABOUT = About(
    name="trial",
    title=Words("Trial", "试验"),
    question=Words("How fast?", "有多快？"),
    notes=Words("Nothing else.", "别无其他。"),
    sides={"ours": Words("ours", "本项目"), "bare": Words("bare", "裸客户端")},
    parameters={"batch": Words("batch", "批量"), "tls": Words("TLS", "TLS")},
    measures=[RATE],
    ratios=[
        Ratio("of_bare", Words("of bare", "与裸客户端之比"), "rate", "ours", "bare"),
        Ratio(
            "of_one", Words("of 1", "与 1 之比"), "rate", "ours", "ours", {"batch": 1}
        ),
    ],
    targets=[
        Target("of_bare", 0.65, {"batch": 1}),
        Target("of_one", 10, {"batch": 50}),
        Target("ours.rate", 50, is_most=True),
    ],
)

RUN = (
    *("command", "commit", "cores", "processor", "memory_gib", "system"),
    *("python", "postgres", "load_average_before"),
)


def a_kept(*cases: tuple[int, Sequence[float], Sequence[float]]) -> dict[str, Any]:
    return {
        "name": "trial",
        "run": dict.fromkeys(RUN, 1),
        "cases": [
            {
                "of": {"batch": batch, "tls": False},
                "rounds": {
                    "ours": [{"rate": rate} for rate in ours],
                    "bare": [{"rate": rate} for rate in bare],
                },
            }
            for batch, ours, bare in cases
        ],
    }


def report(*cases: tuple[int, Sequence[float], Sequence[float]]) -> Report:
    return Report(ABOUT, a_kept(*cases))


def noting(turns: list[str], *names: str) -> dict[str, Side]:
    """Make sides that note when they have their turn."""

    def side(name: str) -> Side:
        async def run() -> Reading:
            turns.append(name)
            return {"rate": len(turns)}

        return run

    return {name[-1]: side(name) for name in names}


async def test_all_sides_of_all_cases_take_turns_and_every_other_round_is_back() -> (
    None
):
    turns: list[str] = []
    cases = [
        Case({"batch": 1}, noting(turns, "1a", "1b", "1c")),
        Case({"batch": 2}, noting(turns, "2a", "2b")),
    ]

    kept = await in_turns(cases, rounds=3, minutes=1)

    assert " ".join(turns[:5]) == "1a 1b 1c 2a 2b"
    assert " ".join(turns[5:10]) == "2b 2a 1c 1b 1a"
    assert " ".join(turns[10:]) == "1a 1b 1c 2a 2b"
    assert [one["rate"] for one in kept[0].rounds["a"]] == [1, 10, 11]
    assert [one["rate"] for one in kept[1].rounds["b"]] == [5, 6, 15]


async def test_steps_keep_their_order() -> None:
    turns: list[str] = []
    cases = [
        Case({"what": "upload"}, noting(turns, "1a", "1b"), is_a_step=True),
        Case({"what": "read"}, noting(turns, "2a", "2b")),
    ]

    await in_turns(cases, rounds=2, minutes=1)

    assert " ".join(turns) == "1a 1b 2a 2b 1a 1b 2b 2a"


async def test_no_round_begins_when_the_time_is_up() -> None:
    async def run() -> Reading:
        return {"rate": 1.0}

    kept = await in_turns([Case({}, {"a": run})], rounds=9, minutes=0)

    assert len(kept[0].rounds["a"]) == 1


def test_a_ratio_is_formed_within_each_round() -> None:
    one = report((1, [10, 90], [20, 100]))

    assert one.ratios(one.cases[0], ABOUT.ratios[0]) == [0.5, 0.9]
    assert spread([0.5, 0.9]).median == 0.7


def test_a_case_is_divided_by_the_one_that_differs_as_told() -> None:
    one = report((1, [10], [20]), (50, [120], [200]))

    assert one.ratios(one.cases[1], ABOUT.ratios[1]) == [12]
    assert one.ratios(one.cases[0], ABOUT.ratios[1]) == []


def test_targets_are_held_against_the_cases_that_they_are_about() -> None:
    one = report((1, [10], [20]), (50, [120], [200]))

    met = [(each.target.of, each.of["batch"], each.is_met) for each in one.found()]

    assert met == [
        ("of_bare", 1, False),
        ("of_one", 50, True),
        ("ours.rate", 1, True),
        ("ours.rate", 50, False),
    ]


def test_smoke_takes_small_sizes_but_what_is_given_counts() -> None:
    parser = a_parser(ABOUT)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 50])

    given = asked(parser, {"orders": 3, "batches": [1]}, ["--smoke", "--orders", "7"])

    assert (given.rounds, given.orders, given.batches) == (1, 7, [1])


@asynccontextmanager
async def _cases(given: Namespace) -> AsyncIterator[list[Case]]:
    async def run() -> Reading:
        return {"rate": given.rounds + 0.123456}

    yield [Case({"batch": 1, "tls": True}, {"ours": run, "bare": run})]


def test_what_was_measured_is_kept_and_makes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = asked(a_parser(ABOUT), {}, ["--rounds", "2", "--into", str(tmp_path)])

    measure(ABOUT, given, _cases)

    kept = read(ABOUT, tmp_path)
    assert kept is not None
    assert kept.rounds(kept.cases[0], "ours", "rate") == [2.123, 2.123]
    assert json.loads(capsys.readouterr().out)["given"]["rounds"] == 2
    made = pages([ABOUT], tmp_path)
    assert sorted(made) == [
        "benchmarks.md",
        "benchmarks.zh-CN.md",
        "benchmarks/trial.svg",
        "benchmarks/trial.zh-CN.svg",
    ]
    assert "| 1 | yes | 2 | 2 | 1.00 | – |" in made["benchmarks.md"]
    assert "| 1 | 是 | 2 | 2 | 1.00 | – |" in made["benchmarks.zh-CN.md"]


@asynccontextmanager
async def _cases_that_break_off(_: Namespace) -> AsyncIterator[list[Case]]:
    left = [1.0, 2.0, 3.0]

    async def run() -> Reading:
        if not left:
            raise TimeoutError("the worker delivers no more")
        return {"rate": left.pop(0)}

    yield [Case({"batch": batch, "tls": True}, {"ours": run}) for batch in (1, 50)]


def test_a_run_that_was_broken_off_keeps_its_cases_and_tells_it(
    tmp_path: Path,
) -> None:
    given = asked(a_parser(ABOUT), {}, ["--into", str(tmp_path)])

    with pytest.raises(TimeoutError):
        measure(ABOUT, given, _cases_that_break_off)

    kept = read(ABOUT, tmp_path)
    assert kept is not None
    assert kept.is_broken_off
    rounds = [kept.rounds(case, "ours", "rate") for case in kept.cases]
    assert rounds == [[1.0], [2.0, 3.0]]
    assert kept.ratios(kept.cases[1], ABOUT.ratios[1]) == [2.0]
    assert [one.name for one in tmp_path.iterdir()] == ["trial.json"]
    page = pages([ABOUT], tmp_path)["benchmarks.md"]
    assert "**This run was broken off before its end.**" in page


def test_what_broke_off_in_its_first_round_makes_a_page_until_a_run_ends(
    tmp_path: Path,
) -> None:
    given = asked(a_parser(ABOUT), {}, ["--into", str(tmp_path)])
    told = a_kept((1, [10], [20]), (50, [], [])) | {"broken_off": True}
    put(tmp_path / "trial.json", json.dumps(told))

    made = pages([ABOUT], tmp_path)

    assert "| 50 | no | – | – | – | – |" in made["benchmarks.md"]
    measure(ABOUT, given, _cases)
    kept = read(ABOUT, tmp_path)
    assert kept is not None
    assert not kept.is_broken_off


def test_a_measure_that_was_not_taken_has_no_table(tmp_path: Path) -> None:
    about = replace(ABOUT, measures=[RATE, Measure("held", Words("MiB", "MiB"))])
    put(tmp_path / "trial.json", json.dumps(a_kept((1, [10], [20]))))

    made = pages([about], tmp_path)

    assert "items/s" in made["benchmarks.md"]
    assert "MiB |" not in made["benchmarks.md"]


def test_what_people_wrote_stands_below_the_figures(tmp_path: Path) -> None:
    kept = json.dumps(a_kept((1, [10], [20])))
    (tmp_path / "trial.json").write_text(kept, encoding="utf-8")
    (tmp_path / "trial.en.md").write_text("It waits.\n", encoding="utf-8")
    (tmp_path / "trial.zh-CN.md").write_text("它在等待。\n", encoding="utf-8")

    made = pages([ABOUT], tmp_path, tmp_path)

    assert made["benchmarks.md"].endswith("rounds: 1.\n\nIt waits.\n")
    assert made["benchmarks.zh-CN.md"].endswith("轮数：1。\n\n它在等待。\n")


def test_what_was_kept_in_another_form_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "trial.json").write_text('{"what": "trial"}', encoding="utf-8")

    assert read(ABOUT, tmp_path) is None
    assert list(pages([ABOUT], tmp_path)) == ["benchmarks.md", "benchmarks.zh-CN.md"]


def test_a_page_that_says_something_else_is_stale(tmp_path: Path) -> None:
    made = {"benchmarks.md": "new", "benchmarks/a.svg": "same"}
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks.md").write_text("old", encoding="utf-8")
    (tmp_path / "benchmarks/a.svg").write_text("same", encoding="utf-8")
    (tmp_path / "benchmarks/left.svg").write_text("", encoding="utf-8")

    assert stale(tmp_path, made) == ["benchmarks.md", "benchmarks/left.svg"]


@pytest.mark.parametrize(
    "options",
    [
        ["--rounds", "2", "--into", "/home/me", "--smoke"],
        ["--rounds", "2", "--into=x", "--smoke"],
    ],
    ids=["two words", "one word"],
)
def test_the_folder_of_a_machine_is_not_told(options: list[str]) -> None:
    assert figures._told(options) == ["--rounds", "2", "--smoke"]
