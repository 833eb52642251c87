"""What a scenario measured: printed, and kept where the environment says."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any


def publish(scenario: str, *, postgres: str, seconds: float, **found: Any) -> None:
    """Print one JSON object; append it to ``UNBIND_CHAOS_RESULTS`` if that is set."""
    told = {
        "scenario": scenario,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "postgres": postgres,
            "load_at_start": _LOAD,
        },
        "seconds": round(seconds, 1),
        **found,
    }
    line = json.dumps(told, ensure_ascii=False)
    sys.stdout.write(f"\n{line}\n")
    kept = os.environ.get("UNBIND_CHAOS_RESULTS")
    if kept:
        with Path(kept).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


_LOAD = round(os.getloadavg()[0], 1)
