"""Ask one question: all sides in turns in one run, every round's reading kept.

Every other round goes backwards, through the cases as through their sides.
A program describes itself as ``ABOUT``, opens its cases in ``cases(given)`` and ends
with ``measure(ABOUT, options(), cases)``. Readings are kept as they are; medians,
spreads and ratios are formed by whoever reads them.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from benchmarks.about import About, Scalar
from benchmarks.figures import RESULTS, machine, put
from unbind_broker.cli.loop import run_on_loop

ROUNDS = 5
MINUTES = 4.0

One = TypeVar("One")
Reading = Mapping[str, float]
Side = Callable[[], Awaitable[Reading]]


@dataclass(frozen=True)
class Case:
    """Sides that are measured in turns under the same parameters."""

    of: Mapping[str, Scalar]
    sides: Mapping[str, Side]
    is_a_step: bool = False
    """Whether its sides build on each other, and cases on those before: none turns."""


@dataclass(frozen=True)
class Kept:
    """The readings of one case, round by round."""

    of: Mapping[str, Scalar]
    rounds: dict[str, list[Reading]] = field(default_factory=dict)


Cases = Callable[[argparse.Namespace], AbstractAsyncContextManager[Sequence[Case]]]


def a_parser(about: About) -> argparse.ArgumentParser:
    """Make a parser of what every program understands; add your own to it."""
    parser = argparse.ArgumentParser(
        prog=f"benchmarks.bench_{about.name}", description=about.question.en
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help="begin no round that would end later",
    )
    add_smoke(parser)
    parser.add_argument(
        "--into", type=Path, default=RESULTS, help="where its JSON file is kept"
    )
    return parser


def add_smoke(parser: argparse.ArgumentParser) -> None:
    """Let a parser understand what ``asked`` reads."""
    parser.add_argument(
        "--smoke", action="store_true", help="only show that it works, in seconds"
    )


def asked(
    parser: argparse.ArgumentParser,
    smoke: Mapping[str, Any],
    given: Sequence[str] | None = None,
) -> argparse.Namespace:
    """Read the options; ``smoke`` names the sizes that ``--smoke`` stands for."""
    read = parser.parse_args(given)
    if read.smoke:
        parser.set_defaults(**{"rounds": 1, **smoke})
        read = parser.parse_args(given)
    return read


def measure(about: About, given: argparse.Namespace, cases: Cases) -> None:
    """Run every case, print the report and keep it; smoke is kept only elsewhere."""
    print(run_on_loop(measured(about, given, cases)))


async def measured(about: About, given: argparse.Namespace, cases: Cases) -> str:
    """Run every case and keep the report, as ``measure`` does; return it.

    It is kept after each case, too, and tells that the run was broken off until that
    has ended.
    """
    head = {
        "name": about.name,
        "run": machine(),
        "given": {
            name: value
            for name, value in vars(given).items()
            if name not in {"into", "smoke"}
        },
    }
    path = given.into / f"{about.name}.json"
    is_kept = not given.smoke or given.into != RESULTS

    def keep(kept: Sequence[Kept]) -> None:
        if is_kept:
            put(path, _told({**head, "broken_off": True}, kept))

    async with cases(given) as opened:
        kept = await in_turns(opened, given.rounds, given.minutes, keep)
    text = _told(head, kept)
    if is_kept:
        put(path, text)
    return text


def _told(head: Mapping[str, Any], kept: Sequence[Kept]) -> str:
    cases = [{"of": one.of, "rounds": one.rounds} for one in kept]
    return json.dumps({**head, "cases": cases}, indent=1, ensure_ascii=False)


async def in_turns(
    cases: Sequence[Case],
    rounds: int,
    minutes: float,
    keep: Callable[[Sequence[Kept]], None] = lambda _: None,
) -> list[Kept]:
    """Measure A B B A …: all sides of all cases in each round, every other backwards.

    ``keep`` gets what there is whenever all sides of a case have had their turn.
    """
    kept = [Kept(case.of, {name: [] for name in case.sides}) for case in cases]
    are_steps = any(case.is_a_step for case in cases)
    began, longest = monotonic(), 0.0
    for turn in range(rounds):
        started = monotonic()
        if turn and started - began + longest > minutes * 60:
            _say(f"time is up after {turn} of {rounds} rounds")
            break
        is_back = turn % 2 == 1
        for place in in_order(range(len(cases)), is_back=is_back and not are_steps):
            case, found = cases[place], kept[place]
            sides = list(case.sides)
            for name in in_order(sides, is_back=is_back and not case.is_a_step):
                reading = await case.sides[name]()
                found.rounds[name].append(rounded(reading))
                _say(f"round {turn + 1}: {_shown(case.of)} {name}: {_shown(reading)}")
                await asyncio.sleep(0)
            keep(kept)
        longest = max(longest, monotonic() - started)
    return kept


def in_order(some: Sequence[One], *, is_back: bool) -> list[One]:
    """Go forwards or back: a steady drift favours none over two rounds.

    What stands beside each other stays so: put there what shares a ratio.
    """
    return [*reversed(some)] if is_back else [*some]


def rounded(reading: Reading) -> Reading:
    """Keep four figures that count; more are noise."""
    return {name: float(f"{value:.4g}") for name, value in reading.items()}


def _shown(values: Mapping[str, object]) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
