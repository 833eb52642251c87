"""Whoever lists the processes of the machine reads no secret."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import Command
from tests.support.waiting import eventually
from unbind_broker.cli.main import COMMANDS

PROC = Path("/proc")
SHORT = 12
KEY = f"ub_admin_{'A' * 43}"
needs_proc = pytest.mark.skipif(not PROC.exists(), reason="there is no /proc here")


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "unbind_broker", *arguments), stdout=PIPE
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


def all_processes() -> list[str]:
    """The arguments of every process of this machine."""
    lines = []
    for listed in PROC.glob("[0-9]*/cmdline"):
        try:
            told = listed.read_bytes()
        except OSError:
            continue  # it has ended
        lines.append(told.replace(b"\0", b" ").decode(errors="replace"))
    return lines


def _all_there(words: list[str]) -> list[str]:
    lines = all_processes()
    there = all(any(word in line for line in lines) for word in words)
    return lines if there and any("postgres" in line for line in lines) else []


def secrets_in(folder: Path) -> list[str]:
    kept = json.loads(next(folder.glob("*keys*.json")).read_text())
    return [text for text in kept.values() if len(text) > SHORT]


@pytest.mark.journey
@needs_proc
async def test_no_long_running_command_shows_what_its_folder_keeps(
    tmp_path: Path,
) -> None:
    folder = ("--data-dir", str(tmp_path / "data"))
    async with running("up", *folder, "--port", "0", "--json") as up:
        assert up.stdout is not None
        told = json.loads(await up.stdout.readline())
        secrets = secrets_in(Path(told["data_dir"]))
        assert len(secrets) == 2
        issued = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "unbind_broker", "keys", "issue"),
            *("--role", "admin", *folder),
            stdout=PIPE,
        )
        key, _ = await issued.communicate()
        secrets.append(key.decode().strip())
        async with (
            running("serve", *folder, "--port", "0", "--json") as serve,
            running("worker", *folder),
        ):
            assert serve.stdout is not None
            await serve.stdout.readline()
            ours = [str(tmp_path), "unbind_broker worker", "unbind_broker serve"]
            lines = await eventually(lambda: _all_there(ours))
    for secret in secrets:
        assert not any(secret in line for line in lines)


@pytest.mark.parametrize(
    "argument",
    [
        KEY,
        f"--admin-key-env={KEY}",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "postgresql://broker:hunter2@db.example/broker",
    ],
)
def test_secret_as_an_argument_is_refused_and_not_repeated(
    command: Command, argument: str
) -> None:
    ended = command("simulate", argument)
    assert ended.code == 2
    assert "other users of this machine can read" in ended.err
    assert argument not in ended.err + ended.out


def test_what_is_no_secret_passes(command: Command) -> None:
    for argument in ("ub_admin_none", "https://hooks.weibo.com/unbind", "a@b:c"):
        ended = command("conformance", argument, "--no-such-option")
        assert "can read arguments" not in ended.err


def test_no_command_asks_for_a_secret_among_its_arguments() -> None:
    words = {"secret", "key", "keys", "password", "token"}
    asked = {one for one in _options() if words & {*one.split()[-1].split("_")}}
    in_files = {one for one in asked if one.endswith("_file")}
    harmless = {
        "keys revoke key_id",
        "simulate admin_key_env",
        "conformance result_public_key",
    }
    assert in_files
    assert asked - in_files == harmless


def _options() -> Iterator[str]:
    for name in COMMANDS:
        module = import_module(f"unbind_broker.cli.{name}")
        yield from _of(name, typer.main.get_command(module.app))


def _of(path: str, command: Any) -> Iterator[str]:
    for option in command.params:
        yield f"{path} {option.name}"
    for name, below in getattr(command, "commands", {}).items():
        yield from _of(f"{path} {name}", below)
