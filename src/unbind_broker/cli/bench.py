"""``unbind-broker bench``: run the programs that measure, out of the source tree."""

import subprocess
import sys
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

app = typer.Typer(add_completion=False)


class NothingMeasures(BrokerError):
    """The programs are no part of what is installed, or have other names."""

    code = "nothing-measures"
    title = "There is no such program"


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
) -> None:
    """Measure, and keep what was found in benchmarks/results.

    The programs need the source tree with what its tests need, and a machine that does
    nothing else; each takes some minutes. ``python -m benchmarks.bench_NAME
    --help`` names the options of one.
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
    for name in chosen:
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


def _run(name: str, options: list[str]) -> int:
    command = [sys.executable, "-m", f"benchmarks.{_BEGINNING}{name}", *options]
    return subprocess.run(command, check=False, cwd=ROOT).returncode  # noqa: S603 - a program of ours that was found there
