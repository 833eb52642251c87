"""The proxy that is shipped, for real, before whatever listens on loopback."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

CADDYFILE = Path(__file__).parents[2] / "deploy" / "proxy" / "Caddyfile"
PATIENCE = 60.0
GRACE = 20.0
TRIES = 5


class Proxy:
    """Where the outside and where administrators call."""

    def __init__(self, outside: int, administrators: int) -> None:
        self.outside = f"http://127.0.0.1:{outside}"
        self.administrators = f"http://127.0.0.1:{administrators}"


@asynccontextmanager
async def proxy_before(port: int, folder: Path) -> AsyncIterator[Proxy]:
    """Run it before ``port``; skip where there is no Caddy on this machine."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("there is no Caddy on this machine")
    for _ in range(TRIES):
        proxy, process = await _start(program, port, folder)
        if await _answers(proxy, process):
            break
        await _end(process)
    else:
        raise AssertionError("Caddy does not start; see what it says above")
    try:
        yield proxy
    finally:
        await _end(process)


async def _start(
    program: str, port: int, folder: Path
) -> tuple[Proxy, asyncio.subprocess.Process]:
    # Somebody else may take a port before Caddy does: then with others.
    outside, administrators = _free_port(), _free_port()
    process = await asyncio.create_subprocess_exec(
        *(program, "run", "--config", CADDYFILE, "--adapter", "caddyfile"),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "UNBIND_SITE": f"http://127.0.0.1:{outside}",
            "UNBIND_ADMIN_PORT": str(administrators),
            "UNBIND_API": f"127.0.0.1:{port}",
        },
    )
    return Proxy(outside, administrators), process


async def _answers(proxy: Proxy, process: asyncio.subprocess.Process) -> bool:
    """Wait until it answers, or has ended."""
    until = asyncio.get_running_loop().time() + PATIENCE
    async with httpx.AsyncClient() as http:
        while process.returncode is None:
            try:
                await http.get(f"{proxy.outside}/metrics")
            except httpx.TransportError:
                assert asyncio.get_running_loop().time() < until
                await asyncio.sleep(0.05)
            else:
                return True
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
