"""A worker that tells every second how much of everything it holds."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from unbind_broker.runtime.installation import open_installation
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.settings import load_settings
from unbind_broker.worker.process import run_worker

_PAGE = os.sysconf("SC_PAGE_SIZE")


async def main() -> None:
    """Work until asked to stop."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    settings = load_settings()
    telling = asyncio.create_task(_tell())
    with open_installation(settings) as installation:
        opened = open_runtime(settings, installation, application="soaked worker")
        async with opened as runtime:
            await run_worker(runtime, stopping)
    telling.cancel()


async def _tell() -> None:
    while True:
        sys.stdout.write(json.dumps(_held()) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(1)


def _held() -> dict[str, int]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss_kb": pages * _PAGE // 1024,
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
    }


if __name__ == "__main__":
    asyncio.run(main())
