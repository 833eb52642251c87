"""Put figures together: percentiles, the machine, one JSON file per run."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.open_loop import Answers
from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.programs import Programs, find_programs

RESULTS = Path(__file__).parent / "results"


def merged(parts: Iterable[Answers]) -> Answers:
    """Put the answers of several processes into one."""
    whole = Answers()
    for part in parts:
        whole.due += part.due
        whole.latency += part.latency
        whole.status += part.status
        whole.reopened += part.reopened
    return whole


def summary(answers: Answers, seconds: float) -> dict[str, Any]:
    """Count answers by status, with what each kind took (milliseconds)."""
    kinds: dict[int, list[float]] = {}
    for status, latency in zip(answers.status, answers.latency, strict=True):
        kinds.setdefault(status, []).append(latency)
    return {
        "sent": len(answers.status),
        "connections_reopened": answers.reopened,
        "answers": {
            str(status) if status else "none": {
                "count": len(found),
                "per_second": round(len(found) / seconds, 1),
                **percentiles(found),
            }
            for status, found in sorted(kinds.items())
        },
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Give p50, p99 and the largest in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        f"p{part}_ms": round(ordered[int((len(ordered) - 1) * part / 100)] * 1000, 1)
        for part in (50, 99, 100)
    }


def of_status(answers: Answers, *statuses: int) -> list[float]:
    """Give the latencies of these answers."""
    pairs = zip(answers.status, answers.latency, strict=True)
    return [latency for status, latency in pairs if status in statuses]


def machine() -> dict[str, Any]:
    """Describe where and what was run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git of this machine
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return {
        "command": "python -m " + " ".join([_module(), *_told(sys.argv[1:])]),
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)),
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory_gib": round(
            int(_first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
        ),
        "load_average_before": round(os.getloadavg()[0], 2),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postgres": _postgres(),
        "system": platform.system(),
    }


def _told(options: Sequence[str]) -> list[str]:
    """Leave out where the file is kept: folders of this machine concern nobody."""
    told = list(options)
    if "--into" in told:
        place = told.index("--into")
        del told[place : place + 2]
    return [one for one in told if not one.startswith("--into=")]


def write(name: str, report: dict[str, Any], *, smoke: bool) -> None:
    """Print a report, and keep it beside the benchmarks unless it is a smoke test's."""
    text = json.dumps(report, indent=2)
    print(text)
    if smoke:
        return
    put(RESULTS / f"{name}.json", text)


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text + "\n", encoding="utf-8")
    new.replace(path)


def _first(path: str, name: str) -> str:
    """Give what the kernel says under a name; "0" where it says nothing."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return "0"


def programs() -> Programs:
    """Find the Postgres that is measured, with the programs beside it."""
    return find_programs(Account(os.geteuid(), os.getegid(), is_other=False))


def _postgres() -> str:
    told = subprocess.run(
        [programs().postgres, "--version"], capture_output=True, text=True, check=False
    )
    return told.stdout.rpartition(" ")[2].strip()


def _module() -> str:
    return f"benchmarks.{Path(sys.argv[0]).stem}"
