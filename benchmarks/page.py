"""Make docs/benchmarks.md, its Chinese sister and their plots from the kept JSON.

``python -m benchmarks.page`` writes them; with ``--check`` it only tells whether they
say what the files in benchmarks/results say.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from benchmarks.about import About, Measure, Ratio, Scalar, Words
from benchmarks.figures import RESULTS
from benchmarks.plots import Group, bars
from benchmarks.reading_back import Found, Report, Spread, read, spread

ROOT = Path(__file__).resolve().parents[1]
INTRO = Path(__file__).parent
WORDS = INTRO / "words"
Language = Literal["en", "zh"]
_SUFFIXES: Mapping[Language, str] = {"en": "", "zh": ".zh-CN"}
_TONGUES: Mapping[Language, str] = {"en": "en", "zh": "zh-CN"}

_NOTHING = Words("Nothing has been measured yet.\n", "尚无测量结果。\n")
_SMALL = 0.1
_YES, _NO = Words("yes", "是"), Words("no", "否")
_TARGETS = Words("Target", "目标")
_IN = Words("in", "条件")
_FOUND = Words("found", "实测")
_MET = Words("met", "达标")
_MOST, _LEAST = Words("at most", "不高于"), Words("at least", "不低于")
_RUN = Words(
    "Measured with `{command}` at commit `{commit}`: {cores} cores ({processor}), "
    "{memory_gib} GiB, {system}, Python {python}, Postgres {postgres}; load average "
    "before: {load_average_before}; rounds: {rounds}.",
    "测量命令 `{command}`，提交 `{commit}`：{cores} 核（{processor}），内存 "
    "{memory_gib} GiB，{system}，Python {python}，Postgres {postgres}；"
    "测量前的平均负载：{load_average_before}；轮数：{rounds}。",
)

_BROKEN_OFF = Words(
    "**This run was broken off before its end.**\n",
    "**本次测量中途中断，未全部完成。**\n",
)


def pages(
    abouts: Sequence[About], results: Path, words: Path = WORDS
) -> dict[str, str]:
    """Make every file of the page, by its path below ``docs``.

    ``words`` holds what people wrote about a program: NAME.en.md and NAME.zh-CN.md.
    """
    reports = [found for about in abouts if (found := read(about, results))]
    made: dict[str, str] = {}
    languages: tuple[Language, ...] = ("en", "zh")
    for language in languages:
        parts = [_intro(language)]
        for report in reports:
            parts += _section(report, words, language)
            made |= _plots(report, language)
        if not reports:
            parts.append(_say(_NOTHING, language))
        name = f"benchmarks{_SUFFIXES[language]}.md"
        made[name] = "\n".join(parts)
    return made


def all_programs() -> dict[str, ModuleType]:
    """Find every program that tells what it measures, by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    modules = [import_module(f"benchmarks.{name}") for name in names]
    return {one.ABOUT.name: one for one in modules if hasattr(one, "ABOUT")}


def all_abouts() -> list[About]:
    """Give what all programs tell of themselves."""
    return [one.ABOUT for one in all_programs().values()]


def stale(docs: Path, made: Mapping[str, str]) -> list[str]:
    """Name the files that differ from what is made, or that nothing makes."""
    old = {f"benchmarks/{path.name}" for path in docs.glob("benchmarks/*.svg")}
    return sorted(
        {name for name, text in made.items() if _kept(docs / name) != text}
        | (old - made.keys())
    )


def _section(report: Report, words: Path, language: Language) -> Iterator[str]:
    about = report.about
    yield f"## {_say(about.title, language)}\n"
    yield f"{_say(about.question, language)}\n"
    if report.is_broken_off:
        yield _say(_BROKEN_OFF, language)
    yield f"![{_say(about.title, language)}]({_plot_name(report, language)})\n"
    for measure in about.measures:
        if any(_is_taken(report, side, measure) for side in about.sides):
            yield _table(report, measure, language)
    found = list(report.found())
    if found:
        yield _targets(report, found, language)
    yield f"{_say(about.notes, language)}\n"
    yield f"{_say(_RUN, language).format(**report.run, rounds=_rounds(report))}\n"
    written = words / f"{about.name}.{_TONGUES[language]}.md"
    if written.exists():
        yield written.read_text(encoding="utf-8")


def _table(report: Report, measure: Measure, language: Language) -> str:
    about = report.about
    sides = [name for name in about.sides if _is_taken(report, name, measure)]
    ratios = [one for one in about.ratios if one.measure == measure.name]
    unit = _say(measure.words, language)
    head = [
        *(_say(one, language) for one in about.parameters.values()),
        *(f"{_say(about.sides[name], language)}, {unit}" for name in sides),
        *(_say(one.words, language) for one in ratios),
    ]
    rows = [
        [
            *(_value(case["of"].get(name), language) for name in about.parameters),
            *(_cell(report.rounds(case, one, measure.name), measure) for one in sides),
            *(_cell(report.ratios(case, one), one) for one in ratios),
        ]
        for case in report.cases
    ]
    return _rows([head, *rows], left=len(about.parameters))


def _targets(report: Report, found: Sequence[Found], language: Language) -> str:
    rows = [[_say(one, language) for one in (_TARGETS, _IN, _FOUND, _MET)]]
    for one in found:
        bound = _MOST if one.target.is_most else _LEAST
        what, digits = _named(report.about, one.target.of, language)
        rows.append(
            [
                f"{what}: {_say(bound, language)} {one.target.bound:g}",
                _case(report.about, one.of, language),
                _told(one.spread, digits),
                _say(_YES if one.is_met else _NO, language),
            ]
        )
    return _rows(rows, left=4)


def _plots(report: Report, language: Language) -> dict[str, str]:
    about, measure = report.about, report.about.measures[0]
    sides = [name for name in about.sides if _is_taken(report, name, measure)]
    groups = [
        Group(
            _case(about, case["of"], language),
            [
                spread(values)
                if (values := report.rounds(case, side, measure.name))
                else None
                for side in sides
            ],
        )
        for case in report.cases
    ]
    title, unit = _say(about.title, language), _say(measure.words, language)
    legend = [_say(about.sides[side], language) for side in sides]
    drawn = bars(title, unit, legend, groups, measure.digits)
    return {_plot_name(report, language): drawn}


def _named(about: About, of: str, language: Language) -> tuple[str, int]:
    """Name what a target is about, and the digits that it is told with."""
    side, _, name = of.partition(".")
    if name:
        (measure,) = (one for one in about.measures if one.name == name)
        words = about.sides[side], measure.words
        return ", ".join(_say(one, language) for one in words), measure.digits
    (ratio,) = (one for one in about.ratios if one.name == of)
    return _say(ratio.words, language), 2


def _case(about: About, of: Mapping[str, Scalar], language: Language) -> str:
    return ", ".join(
        f"{_say(words, language)} {_value(of[name], language)}"
        for name, words in about.parameters.items()
        if name in of
    )


def _rows(rows: Sequence[Sequence[str]], left: int) -> str:
    marks = ["---" if place < left else "---:" for place in range(len(rows[0]))]
    lines = [rows[0], marks, *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(values: Sequence[float], of: Measure | Ratio) -> str:
    if not values:
        return "–"
    found = spread(values)
    small = 2 if found.median >= _SMALL else 4
    return _told(found, of.digits if isinstance(of, Measure) else small)


def _told(one: Spread, digits: int) -> str:
    median, low, high = (
        f"{value:,.{digits}f}" for value in (one.median, one.low, one.high)
    )
    return median if low == high else f"{median} ({low}–{high})"


def _value(value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return _say(_YES if value else _NO, language)
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value)


def _is_taken(report: Report, side: str, measure: Measure) -> bool:
    return any(report.rounds(case, side, measure.name) for case in report.cases)


def _rounds(report: Report) -> int:
    return max(len(found) for case in report.cases for found in case["rounds"].values())


def _plot_name(report: Report, language: Language) -> str:
    return f"benchmarks/{report.about.name}{_SUFFIXES[language]}.svg"


def _intro(language: Language) -> str:
    return (INTRO / f"intro.{_TONGUES[language]}.md").read_text("utf-8")


def _say(words: Words, language: Language) -> str:
    return words.en if language == "en" else words.zh


def _kept(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    """Write what is stale, or only name it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    given, docs = parser.parse_args(), ROOT / "docs"
    made = pages(all_abouts(), RESULTS)
    found = stale(docs, made)
    for name in found:
        print(f"docs/{name}", file=sys.stderr)
        if given.check:
            continue
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        if name in made:
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()
    return 1 if given.check and found else 0


if __name__ == "__main__":
    sys.exit(main())
