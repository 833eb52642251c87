"""The demonstration in this process."""

import socket
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.test_processes import meanwhile, until_ready
from tests.support.ports import a_free_port


def test_once_ends_with_code_0_and_leaves_nothing_behind(
    command: Command, tmp_path: Path
) -> None:
    ended = command("demo", "--once", "--platforms", "12")

    assert ended.code == 0, ended.err
    assert "12 platforms register and verify their endpoints" in ended.out
    assert ended.out.count("12 of 12 final") == 2
    assert ended.out.count(": every item is final") == 2
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_named_is_kept_and_serves_again(
    command: Command, tmp_path: Path
) -> None:
    once = ("demo", "--once", "--data-dir", str(tmp_path / "data"))

    first = command(*once, "--platforms", "4")
    second = command(*once, "--platforms", "3")

    assert (first.code, second.code) == (0, 0), second.err
    assert second.out.count("3 of 3 final") == 2


def test_story_that_is_broken_off_is_no_success(command: Command) -> None:
    port = a_free_port()

    with meanwhile(lambda: until_ready(port)) as failures:
        ended = command("demo", "--once", "--port", str(port))

    assert failures == []
    assert ended.code == 1
    assert "Traceback" not in ended.err


def test_port_in_use_is_told(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = command("demo", "--port", str(other.getsockname()[1]))

    assert ended.code == 1
    assert "is in use" in ended.err
