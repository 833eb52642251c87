"""Who is measured beside us, and how each is started."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

_HERE = "benchmarks.alternatives"


@dataclass(frozen=True)
class Competitor:
    """One alternative; ``at_once`` are the settings of concurrency that are tried.

    They reach so far to either side that the best lies between.
    """

    name: str
    module: str
    needs: tuple[str, ...]
    at_once: tuple[int, ...]
    uses_redis: bool
    commands: Callable[[int, int], Sequence[Sequence[str]]]
    """By how much at once, and by how many processes."""
    client: str | None = None
    """What it posts with, if it is not left to choose."""

    @property
    def title(self) -> str:
        """Name it with its version."""
        return f"{self.name} {version(self.name)}"

    @property
    def filling(self) -> list[str]:
        """Give the command that queues everything."""
        return [sys.executable, "-m", f"{_HERE}.{self.module}", "fill"]

    def missing(self) -> list[str]:
        """Name what it needs and is not installed."""
        return [name for name in self.needs if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _by_itself(module: str) -> Callable[[int, int], Sequence[Sequence[str]]]:
    """Start a module that reads from its environment how much it does at once."""
    command = [sys.executable, "-m", f"{_HERE}.{module}", "work"]
    return lambda _, processes: [command] * processes


def _celery(at_once: int, processes: int) -> list[list[str]]:
    return [
        [
            *(sys.executable, "-m", "celery", "-A", f"{_HERE}.celery_redis:app"),
            *("worker", "-P", "gevent", "-c", str(at_once), "-l", "WARNING"),
            *("-n", f"worker{place}@%h"),
        ]
        for place in range(processes)
    ]


def _dramatiq(at_once: int, processes: int) -> list[list[str]]:
    return [
        [
            *(sys.executable, "-m", "dramatiq", f"{_HERE}.dramatiq_redis"),
            *("--processes", str(processes), "--threads", str(at_once)),
        ]
    ]


COMPETITORS = (
    Competitor(
        name="procrastinate",
        module="procrastinate_postgres",
        needs=("procrastinate",),
        at_once=(5, 10, 30, 60),
        uses_redis=False,
        commands=_by_itself("procrastinate_postgres"),
    ),
    Competitor(
        name="pgqueuer",
        module="pgqueuer_postgres",
        needs=("pgqueuer",),
        at_once=(50, 100, 200, 400, 800),
        uses_redis=False,
        commands=_by_itself("pgqueuer_postgres"),
    ),
    Competitor(
        name="celery",
        module="celery_redis",
        needs=("celery", "gevent", "redis", "psycopg", "psycopg-pool", "urllib3"),
        at_once=(5, 10, 50, 200),
        uses_redis=True,
        commands=_celery,
        client="urllib3",
    ),
    Competitor(
        name="dramatiq",
        module="dramatiq_redis",
        needs=("dramatiq", "redis", "psycopg", "psycopg-pool", "urllib3"),
        at_once=(4, 8, 16, 32, 64),
        uses_redis=True,
        commands=_dramatiq,
        client="urllib3",
    ),
)
