"""Ask whether a pinned package has a published fault (`make audit`).

A published fault fails. An index that cannot be asked does not: it is told, and so is
how many packages nobody could be asked about.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements.txt", "requirements-dev.txt")
SECONDS = 180
_NOBODY_THERE = (
    *("ConnectionError", "Max retries", "timed out", "Timeout", "ServiceError"),
    *("Temporary failure", "Could not connect", "Connection refused", "ProxyError"),
)


@dataclass(frozen=True)
class Verdict:
    """What was found: packages that were asked about, that were not, and faults."""

    asked: int
    unknown: Sequence[str]
    faults: Sequence[str]


def judge(dependencies: Iterable[Mapping[str, Any]]) -> Verdict:
    """Read the ``dependencies`` of pip-audit's report."""
    asked, unknown, faults = 0, [], []
    for one in dependencies:
        if "skip_reason" in one:
            unknown.append(one["name"])
            continue
        asked += 1
        for fault in one.get("vulns", ()):
            mended = ", ".join(fault.get("fix_versions", ())) or "no version yet"
            faults.append(
                f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}"
            )
    return Verdict(asked, unknown, faults)


def is_nobody_there(said: str) -> bool:
    """Tell an index that cannot be asked from a file that cannot be read."""
    return any(word in said for word in _NOBODY_THERE)


def main() -> None:
    """Audit both files."""
    faults = [fault for file in FILES for fault in _audit(file)]
    for fault in faults:
        print(f"  {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


def _audit(file: str) -> Sequence[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", file]
    options = ("--require-hashes", "--disable-pip", "--format", "json")
    try:
        ended = subprocess.run(
            [*command, *options, "--progress-spinner", "off"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{file}: not audited, the index did not answer within {SECONDS} s")
        return ()
    try:
        verdict = judge(json.loads(ended.stdout)["dependencies"])
    except (ValueError, KeyError):
        return _without_report(file, ended.stderr)
    _tell(file, verdict)
    return verdict.faults


def _without_report(file: str, said: str) -> Sequence[str]:
    last = said.strip().splitlines()[-1:] or ["no word of why"]
    if is_nobody_there(said):
        print(f"{file}: not audited, the index cannot be asked ({last[0]})")
        return ()
    return [f"{file} could not be audited: {last[0]}"]


def _tell(file: str, verdict: Verdict) -> None:
    total = verdict.asked + len(verdict.unknown)
    print(
        f"{file}: {verdict.asked} of {total} packages audited, "
        f"{len(verdict.faults)} published faults"
    )
    if verdict.unknown:
        print(
            f"  nothing is known of the other {len(verdict.unknown)}: the index that "
            "this machine asks has no entry for their versions"
        )


if __name__ == "__main__":
    main()
