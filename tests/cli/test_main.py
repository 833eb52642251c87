"""How the command line presents itself, and how it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from unbind_broker import __version__
from unbind_broker.cli.main import COMMANDS


def test_without_arguments_every_command_is_listed(command: Command) -> None:
    ended = command()

    assert ended.code == 0
    for name in COMMANDS:
        assert f" {name} " in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command: Command, name: str) -> None:
    ended = command(name, "--help")

    assert ended.code == 0
    assert f"Usage: unbind-broker {name}" in ended.out


def test_version_is_told(command: Command) -> None:
    ended = command("--version")

    assert (ended.code, ended.out) == (0, f"unbind-broker {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upp"], "No such command 'upp'. Did you mean 'up'?"),
        (["up", "--prot", "1"], "No such option: --prot"),
        (["up", "--port", "x"], "Invalid value for '--port'"),
        (["up", "--port", "65536"], "less than or equal to 65535"),
        (["keys", "+8613800001234"], "No such command '****'"),
        (["keys"], "Missing command."),
        (["keys", "issue"], "Missing option '--role'"),
        (["carriers", "add"], "Missing argument 'SLUG'"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    command: Command, arguments: list[str], said: str
) -> None:
    ended = command(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("unbind-broker: ")
    assert said in ended.err
    assert "--help tells more" in ended.err
    assert ended.err.count("\n") == 1


def test_wrong_setting_is_named(command: Command, nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("UNBIND_LEASE", "soon")

    ended = command("keys", "list")

    assert ended.code == 1
    assert ended.err == (
        "unbind-broker: UNBIND_LEASE: expected a duration such as 10m, 24h or 90d, "
        "found 'soon'\n"
    )


def test_server_without_keys_is_refused_with_what_to_do(
    command: Command, nowhere: pytest.MonkeyPatch
) -> None:
    nowhere.setenv("UNBIND_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

    ended = command("keys", "list")

    assert ended.code == 1
    assert "UNBIND_SECRET_KEYS and UNBIND_INDEX_KEY must be set too" in ended.err
    assert ended.err.count("\n") == 1


def test_server_that_is_away_is_one_line_without_its_password(
    command: Command, on_server: pytest.MonkeyPatch
) -> None:
    url = "postgresql://user:hidden-word@127.0.0.1:9/none"
    on_server.setenv("UNBIND_DATABASE_URL", url)

    ended = command("keys", "list")

    assert ended.code == 1
    assert ended.err.startswith("unbind-broker: the database cannot be used: ")
    assert "hidden-word" not in ended.err
    assert ended.err.count("\n") == 1


def test_database_that_is_missing_is_named(
    command: Command, on_server: pytest.MonkeyPatch
) -> None:
    url = os.environ["UNBIND_DATABASE_URL"].replace("/unbind_", "/absent_")
    on_server.setenv("UNBIND_DATABASE_URL", url)

    ended = command("keys", "list")

    assert ended.code == 1
    assert "does not exist" in ended.err
    assert ended.err.count("\n") == 1


def test_file_in_the_way_of_the_data_folder_is_named(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("mine")

    ended = command("keys", "list", "--data-dir", "data")

    assert ended.code == 1
    assert "cannot be the data folder: a file is in the way" in ended.err


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from unbind_broker.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'fastapi', 'pydantic', 'aiohttp', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout.splitlines()[-1] == "[]"
