"""``unbind-broker bench``: run the programs that measure, out of the source tree."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

import unbind_broker
from unbind_broker.base.errors import BrokerError

PACKAGE = Path(unbind_broker.__file__).resolve().parent
ROOT = PACKAGE.parents[1] if PACKAGE.parent.name == "src" else PACKAGE
"""The source tree. Installed elsewhere, the package is none, nor is what lies beside
it."""
_BEGINNING = "bench_"
_GIB = 2**30

app = typer.Typer(add_completion=False)


class NothingMeasures(BrokerError):
    """The programs are no part of what is installed, or have other names."""

    code = "nothing-measures"
    title = "There is no such program"


class TooLittleDisk(BrokerError):
    """What the programs write would not fit."""

    code = "too-little-disk"
    title = "There is too little free disk"


@dataclass(frozen=True)
class Cost:
    """What programs are likely to take, one after the other."""

    minutes: int
    gib: int
    """Of disk, at the most at any time: each removes what it wrote."""


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME…", help="Which of them; all, if none is named."),
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Only show that they work, in seconds.")
    ] = False,
    list_them: Annotated[
        bool, typer.Option("--list", help="Name them, and run nothing.")
    ] = False,
    likely: Annotated[
        bool, typer.Option("--likely", help="Tell what they take, and run nothing.")
    ] = False,
    fits: Annotated[
        bool,
        typer.Option("--fits", help="Fail where disk is too little, and run nothing."),
    ] = False,
) -> None:
    """Measure, and keep what was found in benchmarks/results.

    The programs need the source tree with what its tests need, and a machine that does
    nothing else. How many minutes and how much disk they are likely to take is told
    first; where less is free, none is run. ``python -m benchmarks.bench_NAME --help``
    names the options of one.
    """
    known = programs(ROOT)
    if list_them:
        print("\n".join(known))
        return
    chosen = names or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise NothingMeasures(
            f"unknown: {', '.join(unknown)}; there are: {', '.join(known)}"
        )
    runs_none = likely or fits
    if runs_none or not smoke:
        cost, folder = cost_of(ROOT, chosen), Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
        _tell(cost, folder, free)
        if fits or not likely:
            require_disk(cost, folder, free)
    for name in [] if runs_none else chosen:
        print(f"== {name}", file=sys.stderr, flush=True)
        code = _run(name, ["--smoke"] if smoke else [])
        if code:
            raise typer.Exit(code)


def programs(root: Path) -> list[str]:
    """Name the programs of a source tree; raises ``NothingMeasures``."""
    found = sorted((root / "benchmarks").glob(f"{_BEGINNING}*.py"))
    if not found:
        raise NothingMeasures(
            "bench runs out of the project's source tree, which this installation is "
            "not: get the repository and run make bench there"
        )
    return [path.stem.removeprefix(_BEGINNING) for path in found]


def cost_of(root: Path, names: Sequence[str]) -> Cost:
    """Add up what these programs are likely to take."""
    text = (root / "benchmarks" / "costs.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    return Cost(
        minutes=sum(known[name]["minutes"] for name in names),
        gib=max(known[name]["gib"] for name in names),
    )


def require_disk(cost: Cost, folder: Path, free: int) -> None:
    """Raise ``TooLittleDisk`` where fewer bytes are free than will be written."""
    if free < cost.gib * _GIB:
        raise TooLittleDisk(
            f"expected {cost.gib} GiB of free disk in {folder}, found "
            f"{free / _GIB:.1f}; TMPDIR names another folder"
        )


def _tell(cost: Cost, folder: Path, free: int) -> None:
    print(
        f"This is likely to take {cost.minutes} minutes, and up to {cost.gib} GiB in "
        f"{folder}, where {free / _GIB:.0f} are free.",
        file=sys.stderr,
        flush=True,
    )


def _run(name: str, options: list[str]) -> int:
    command = [sys.executable, "-m", f"benchmarks.{_BEGINNING}{name}", *options]
    return subprocess.run(command, check=False, cwd=ROOT).returncode  # noqa: S603 - a program of ours that was found there
