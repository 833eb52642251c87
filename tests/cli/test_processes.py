"""``up``, ``serve``, ``worker`` and ``migrate`` until a signal ends them."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.cli.conftest import Command
from tests.support.ports import a_free_port
from unbind_broker.schema.migrate import head

STEP = 0.05
STEPS = 1800
PATIENCE = 90.0
"""Seconds; an answer may take long, too."""


@contextmanager
def meanwhile(visit: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Pay a visit from another thread, then end this process's command."""
    failures: list[BaseException] = []
    has_ended = threading.Event()

    def run() -> None:
        try:
            visit()
        except BaseException as error:  # noqa: BLE001 - told to the test's thread
            failures.append(error)
        if not has_ended.is_set():  # or the signal would end the tests
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield failures
    finally:
        has_ended.set()
        thread.join()


def until_ready(port: int) -> httpx.Response:
    """Ask until the API answers."""
    pause, end = threading.Event(), monotonic() + PATIENCE
    while monotonic() < end:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        except httpx.TransportError:
            pause.wait(STEP)
            continue
        if answer.status_code == 200:
            return answer
        pause.wait(STEP)
    raise AssertionError("it never became ready")


def test_up_serves_a_new_folder_and_leaves_it_clean(
    command: Command, tmp_path: Path
) -> None:
    port, data = a_free_port(), tmp_path / "data"
    seen: list[httpx.Response] = []

    with meanwhile(lambda: seen.append(until_ready(port))) as failures:
        ended = command("up", "--data-dir", str(data), "--port", str(port), "--json")

    assert failures == []
    assert ended.code == 0
    assert json.loads(ended.out) == {
        "url": f"http://127.0.0.1:{port}",
        "data_dir": str(data),
    }
    assert seen[0].json()["schema_revision"] == head()
    assert list((data / "workers").iterdir()) == []
    assert not (data / "postgres" / "postmaster.pid").exists()


@pytest.mark.usefixtures("on_server")
def test_serve_says_where_it_serves(command: Command) -> None:
    port = a_free_port()

    with meanwhile(lambda: until_ready(port)) as failures:
        ended = command("serve", "--port", str(port))

    assert failures == []
    ready = f"unbind-broker is ready at http://127.0.0.1:{port}\n"
    assert (ended.code, ended.out) == (0, ready)


@pytest.mark.usefixtures("on_server")
def test_private_endpoints_are_shouted_about(
    command: Command, nowhere: pytest.MonkeyPatch
) -> None:
    nowhere.setenv("UNBIND_ALLOW_PRIVATE_ENDPOINTS", "1")
    port = a_free_port()

    with meanwhile(lambda: until_ready(port)) as failures:
        ended = command("serve", "--port", str(port))

    assert failures == []
    assert '"level": "warning"' in ended.err
    assert '"event": "private_endpoints_allowed"' in ended.err


def until_locked(data: Path) -> None:
    """Look until a worker of this folder is known as alive."""
    pause = threading.Event()
    for _ in range(STEPS):
        if list(data.glob("workers/*.lock")):
            return
        pause.wait(STEP)
    raise AssertionError("there never was a worker")


def test_worker_ends_cleanly_when_it_is_asked_to(
    command: Command, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    command("migrate", "--data-dir", str(data))

    with meanwhile(lambda: until_locked(data)) as failures:
        ended = command("worker", "--data-dir", str(data))

    assert failures == []
    assert (ended.code, ended.out) == (0, "unbind-broker worker is running\n")
    assert list(data.glob("workers/*")) == []


@pytest.mark.parametrize("name", ["up", "serve"])
def test_port_in_use_is_told_before_anything_is_started(
    command: Command, tmp_path: Path, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = command(name, "--data-dir", str(tmp_path / "data"), "--port", port)

    assert ended.code == 1
    assert ended.err == (
        f"unbind-broker: port {port} of 127.0.0.1 is in use; choose another with "
        "--port (0 takes any free one)\n"
    )
    assert not (tmp_path / "data").exists()


def test_migrate_tells_the_revision_it_reached(
    command: Command, tmp_path: Path
) -> None:
    data = str(tmp_path / "data")

    ended = command("migrate", "--data-dir", data)
    again = command("migrate", "--data-dir", data, "--json")

    assert (ended.code, ended.out) == (0, f"{head()}\n")
    assert json.loads(again.out) == {"revision": head()}


@pytest.mark.parametrize("arguments", [["serve", "--port", "0"], ["worker"]])
def test_database_without_schema_is_refused_with_what_to_do(
    command: Command, tmp_path: Path, arguments: list[str]
) -> None:
    ended = command(*arguments, "--data-dir", str(tmp_path / "data"))

    assert ended.code == 1
    assert ended.err == (
        "unbind-broker: the database has no schema yet, this program needs "
        f"{head()}; run: unbind-broker migrate (with the same --data-dir or "
        "UNBIND_DATABASE_URL)\n"
    )


def test_registry_command_makes_a_new_folder_usable(
    command: Command, tmp_path: Path
) -> None:
    data = ("--data-dir", str(tmp_path / "data"))

    issued = command("keys", "issue", "--role", "admin", *data)
    listed = command("keys", "list", "--json", *data)

    assert issued.code == 0
    assert [key["role"] for key in json.loads(listed.out)] == ["admin"]
