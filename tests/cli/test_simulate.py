"""``simulate`` in this process, beside a real ``serve`` in another."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command
from tests.cli.test_processes import PATIENCE, STEP, STEPS, meanwhile


@pytest.fixture
def broker(on_server: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a broker; the environment holds an administrator's key."""
    on_server.setenv("UNBIND_ALLOW_PRIVATE_ENDPOINTS", "1")
    serve = subprocess.Popen(
        [sys.executable, "-m", "unbind_broker", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with serve:
        assert serve.stdout is not None
        yield json.loads(serve.stdout.readline())["url"]
        serve.terminate()


def until_accepting(broker: str, key: str, count: int) -> None:
    """Read the directory until so many platforms accept items."""
    pause = threading.Event()
    for _ in range(STEPS):
        listed = httpx.get(
            f"{broker}/v1/platforms?accepting=true",
            headers={"Authorization": f"Bearer {key}"},
            timeout=PATIENCE,
        )
        if len(listed.json()["data"]) == count:
            return
        pause.wait(STEP)
    raise AssertionError("they never accepted items")


def test_simulated_platforms_are_announced_and_counted(
    command: Command, broker: str, nowhere: pytest.MonkeyPatch
) -> None:
    key = command("keys", "issue", "--role", "admin").out.strip()
    nowhere.setenv("UNBIND_ADMIN_KEY", key)

    with meanwhile(lambda: until_accepting(broker, key, 3)) as failures:
        ended = command("simulate", "--url", broker, "--platforms", "3", "--json")

    assert failures == []
    ready, counts = map(json.loads, ended.out.splitlines())
    assert (ended.code, ready["platforms"], counts) == (0, 3, {})
    assert ready["url"].startswith("http://127.0.0.1:")


def test_platforms_may_bring_keys_of_their_own(
    command: Command, broker: str, tmp_path: Path
) -> None:
    command("platforms", "add", "weibo")
    issued = command("keys", "issue", "--role", "platform", "--platform", "weibo")
    key = issued.out.strip()
    (tmp_path / "keys.json").write_text(json.dumps({"weibo": key}))

    with meanwhile(lambda: until_accepting(broker, key, 1)) as failures:
        ended = command("simulate", "--url", broker, "--keys-file", "keys.json")

    assert failures == []
    ready, counts = ended.out.splitlines()
    assert ended.code == 0
    assert ready.startswith("1 platforms are ready at http://127.0.0.1:")
    assert counts == "nobody called"


def test_key_that_is_missing_is_told_with_what_to_do(
    command: Command, nowhere: pytest.MonkeyPatch
) -> None:
    nowhere.delenv("UNBIND_ADMIN_KEY", raising=False)

    ended = command("simulate", "--url", "http://127.0.0.1:9")

    assert ended.code == 1
    assert ended.err == (
        "unbind-broker: UNBIND_ADMIN_KEY is not set: put an administrator's key there "
        "(unbind-broker keys issue --role admin)\n"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weibo": 1}'])
def test_file_that_holds_no_keys_is_told(
    command: Command, tmp_path: Path, text: str
) -> None:
    (tmp_path / "keys.json").write_text(text)

    ended = command("simulate", "--url", "http://[::1]:9", "--keys-file", "keys.json")

    assert ended.code == 1
    assert ended.err.startswith("unbind-broker: keys.json: expected a JSON object")


def test_broker_that_is_away_is_told(
    command: Command, nowhere: pytest.MonkeyPatch
) -> None:
    nowhere.setenv("UNBIND_ADMIN_KEY", "ub_admin_none")

    ended = command("simulate", "--url", "http://127.0.0.1:9")

    assert ended.code == 1
    assert ended.err == "unbind-broker: there is no broker at http://127.0.0.1:9\n"
    assert "UNBIND_ADMIN_KEY" in os.environ
