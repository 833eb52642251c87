"""Receivers as their user sees them: started, told how to behave, asked what came."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos.sink import Behaviour, Request

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds within which a busy machine gets an answer out of a receiver."""


@dataclass(eq=False)
class SinkProcess:
    """One receiver process."""

    process: asyncio.subprocess.Process
    folder: Path
    url: str = ""

    async def say(self, **command: Any) -> dict[str, Any]:
        """Give a command and read what is answered."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line, "the receiver has ended"
        told: dict[str, Any] = json.loads(line)
        return told


class Sinks:
    """Several receiver processes that share the endpoints between them."""

    def __init__(self, parts: list[SinkProcess]) -> None:
        self._parts = parts

    def url(self, door: int) -> str:
        """Where an endpoint listens."""
        return f"{self._part(door).url}/p/{door}"

    async def behave(self, doors: Mapping[int, Behaviour]) -> None:
        """Let endpoints answer in these ways from now on."""
        for part in self._parts:
            told = {d: asdict(b) for d, b in doors.items() if self._part(d) is part}
            await part.say(do="set", doors=told)

    async def forget(self) -> None:
        """Forget what came so far."""
        for part in self._parts:
            await part.say(do="forget")

    async def count(self) -> int:
        """How many requests came."""
        return sum([(await part.say(do="count"))["requests"] for part in self._parts])

    async def seen(self) -> list[Request]:
        """Everything that came, in the order of arrival."""
        found: list[Request] = []
        for place, part in enumerate(self._parts):
            file = part.folder / f"sink-{place}.json"
            await part.say(do="dump", file=str(file))
            found += [Request(**row) for row in json.loads(file.read_text())]
        return sorted(found, key=lambda request: request.arrived)

    def _part(self, door: int) -> SinkProcess:
        return self._parts[door % len(self._parts)]


@asynccontextmanager
async def sinks(folder: Path, count: int = 1) -> AsyncIterator[Sinks]:
    """Run receivers beside the block."""
    parts = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.sink"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=REPOSITORY,
            )
            parts.append(SinkProcess(process, folder))
        for part in parts:
            port = (await part.hear())["port"]
            part.url = f"http://127.0.0.1:{port}"
        yield Sinks(parts)
    finally:
        for part in parts:
            part.process.kill()
            await part.process.wait()
