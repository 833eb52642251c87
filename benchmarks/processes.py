"""What processes have computed, and what they hold, as the kernel counts it."""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_TICKS = os.sysconf("SC_CLK_TCK")
_gates: list[Barrier] = []
"""Of a process that runs ``elsewhere``: its own."""


def elsewhere(run: Callable[[Asked], Answer], asked: Sequence[Asked]) -> list[Answer]:
    """Run a function of a module once for each, all at once in new processes.

    Within them, ``begin_together`` waits for all.
    """
    spawn = get_context("spawn")
    with spawned_without_main():
        pool = spawn.Pool(len(asked), _stand_at, [spawn.Barrier(len(asked))])
    with pool:
        return pool.map(run, asked, chunksize=1)


def begin_together(seconds: float) -> None:
    """Wait for all that run ``elsewhere`` with this process.

    Raises ``BrokenBarrierError``, in each of them, if one is not there by then.
    """
    _gates[-1].wait(seconds)


def _stand_at(gate: Barrier) -> None:
    _gates.append(gate)


@contextmanager
def spawned_without_main() -> Iterator[None]:
    """Let processes that are spawned in the block leave the program unread.

    They import it otherwise, which takes seconds, to run what another module holds.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: main.__dict__.pop(name)
        for name in ("__file__", "__spec__")
        if name in main.__dict__
    }
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


def leave_last_cores(many: int = 1, *, smoke: bool = False) -> frozenset[int]:
    """Let this process and those it starts use the other cores; return the last ones.

    Where there are no more than those, all share them, as in a smoke test.
    """
    cores = sorted(os.sched_getaffinity(0))
    if smoke or len(cores) <= many:
        return frozenset(cores)
    run_on(cores[:-many])
    return frozenset(cores[-many:])


def run_on(cores: Collection[int]) -> None:
    """Let this process and those that it starts use these cores; if none, as before."""
    if cores:
        os.sched_setaffinity(0, cores)


@contextmanager
def running_on(cores: Collection[int]) -> Iterator[None]:
    """Let this process, and those started in the block, use these cores within it."""
    before = os.sched_getaffinity(0)
    run_on(cores)
    try:
        yield
    finally:
        run_on(before)


def computed(*pids: int) -> float:
    """Give the seconds that these processes have computed so far."""
    return sum(_seconds(pid) for pid in pids)


def computed_by_family(pid: int) -> float:
    """Give the seconds of a process, of its children, and of those it has reaped."""
    return _seconds(pid, reaped=True) + sum(
        computed_by_family(child) for child in _children(pid)
    )


def resident(pid: int) -> int:
    """Give the resident memory of a process in bytes; 0 where it is gone."""
    for line in _lines(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def parent_of(pid: int) -> int:
    """Give the process that started this one."""
    return int("".join(_lines(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])


def _seconds(pid: int, *, reaped: bool = False) -> float:
    text = "".join(_lines(f"/proc/{pid}/stat"))
    if not text:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(int(one) for one in fields[11 : 15 if reaped else 13]) / _TICKS


def _children(pid: int) -> Iterable[int]:
    found = _lines(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for line in found for child in line.split()]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
