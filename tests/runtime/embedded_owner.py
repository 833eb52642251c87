"""What tests of the embedded database need: other processes, SQL, and /proc."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

PROGRAM = Path(__file__).with_name("embedded_program.py")
PATIENCE_S = 90.0

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can change to another account"
)


class Owner:
    """Be another process that has the database of a folder open."""

    def __init__(self, folder: Path, *options: str, prefix: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [*prefix, sys.executable, PROGRAM, folder, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def told(self) -> dict[str, Any]:
        """Wait until it has opened the database, or failed to."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it died: {self._process.communicate()[1].decode()}"
        return dict(json.loads(line))

    def leave(self) -> int:
        """Let it close the database and end."""
        self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode

    def press_ctrl_c(self) -> None:
        """Interrupt its whole process group, as a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.communicate(timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it without giving it a chance to clean up."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.returncode is None:
            self._process.communicate(timeout=PATIENCE_S)


async def sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        rows = [tuple(row) for row in result] if result.returns_rows else []
    await engine.dispose()
    return rows


def server_pid(folder: Path) -> int:
    lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    return int(lines[0])


def is_served(folder: Path) -> bool:
    return (folder / "postgres" / "postmaster.pid").exists()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def as_nobody() -> str:
    return ":".join(map(str, nobody()))


@contextmanager
def folder_for_everybody() -> Iterator[Path]:
    """Make a folder that other accounts can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="broker-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
