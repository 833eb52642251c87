"""A worker in a process of its own, to be killed: database URL, seconds of lease."""

import asyncio
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.worker.stage import CLOCK, short
from unbind_broker.base.database import open_engine
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.process import run_worker


def stop(stopping: asyncio.Event) -> None:
    stopping.set()
    sys.stdout.write("stopping\n")
    sys.stdout.flush()


async def main(url: str, lease: float) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, stopping)
    engine = open_engine(url, pool=8, application="worker under test")
    runtime = Runtime(short(lease), engine, CLOCK, SEALER, BLIND_INDEX, BROKER_KEY)
    await run_worker(runtime, stopping)
    await engine.dispose()


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
