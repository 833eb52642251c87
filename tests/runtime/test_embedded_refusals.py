import os
import subprocess
from pathlib import Path

import pytest

from tests.runtime.embedded_owner import folder_for_everybody
from unbind_broker.base.errors import BrokerError
from unbind_broker.runtime.embedded import (
    EmbeddedPostgresError,
    cluster,
    open_embedded,
)
from unbind_broker.runtime.embedded.account import choose_account
from unbind_broker.runtime.embedded.folder import prepare_folder
from unbind_broker.runtime.embedded.programs import Programs, find_programs
from unbind_broker.runtime.embedded.socket_folder import (
    make_socket_folder,
    remove_socket_folder,
)


def test_file_in_place_of_the_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")

    with pytest.raises(EmbeddedPostgresError, match="a file is in the way"):
        open_embedded(tmp_path / "data")

    assert (tmp_path / "data").read_text() == "mine"


def test_file_in_place_of_a_parent_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(EmbeddedPostgresError, match="a file is in the way"):
        open_embedded(tmp_path / "file" / "data")


def test_file_in_place_of_the_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("mine")

    with pytest.raises(EmbeddedPostgresError, match="is not a folder"):
        open_embedded(tmp_path)

    assert (tmp_path / "postgres").read_text() == "mine"


def test_foreign_files_in_place_of_the_database_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "notes.txt").write_text("mine")

    with pytest.raises(EmbeddedPostgresError, match="holds files but no database"):
        open_embedded(tmp_path)

    assert (tmp_path / "postgres" / "notes.txt").read_text() == "mine"


def test_empty_folder_in_place_of_the_database_is_used(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    with open_embedded(tmp_path, durable=False) as database:
        assert database.started_here


def test_database_of_another_version_is_named_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("14\n")

    with pytest.raises(EmbeddedPostgresError, match="was made by Postgres 14"):
        open_embedded(tmp_path)


def test_link_in_place_of_one_of_our_files_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "postgres.log").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EmbeddedPostgresError, match=r"postgres\.log"):
        open_embedded(tmp_path)

    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_failed_initdb_is_told_with_its_reason(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "data")
    with folder_for_everybody() as programs:
        initdb = programs / "initdb"
        initdb.write_text(
            "#!/bin/sh\necho 'initdb: error: write: No space left on device'\n"
            "echo 'initdb: removing contents of data directory'\nexit 1\n"
        )
        initdb.chmod(0o755)

        with pytest.raises(EmbeddedPostgresError, match="No space left on device"):
            cluster.ensure(
                folder, choose_account(folder), Programs(programs, 18), durable=True
            )

    assert [path.name for path in folder.root.iterdir()] == ["postgres.log"]


def test_server_that_refuses_to_start_is_told_with_its_reason(tmp_path: Path) -> None:
    open_embedded(tmp_path, durable=False).close()
    with (tmp_path / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = on\n")

    with pytest.raises(EmbeddedPostgresError, match=r"did not start .*postgres\.log"):
        open_embedded(tmp_path, durable=False)


def test_postgres_started_by_hand_on_our_folder_is_left_alone(tmp_path: Path) -> None:
    open_embedded(tmp_path, durable=False).close()
    account = choose_account(prepare_folder(tmp_path))
    sockets = make_socket_folder(account)
    folder = os.open(tmp_path / "postgres", os.O_RDONLY)
    by_hand = subprocess.Popen(
        [
            find_programs(account).postgres,
            *("-D", f"/proc/self/fd/{folder}"),
            *("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}"),
        ],
        user=account.uid if account.is_other else None,
        group=account.gid if account.is_other else None,
        extra_groups=[] if account.is_other else None,
        pass_fds=(folder,),
        cwd="/",
        stderr=subprocess.PIPE,
    )
    assert by_hand.stderr is not None
    while b"ready to accept" not in by_hand.stderr.readline():
        assert by_hand.poll() is None

    with pytest.raises(EmbeddedPostgresError, match=f"process {by_hand.pid}"):
        open_embedded(tmp_path, durable=False)

    assert by_hand.poll() is None
    by_hand.terminate()
    by_hand.communicate(timeout=90)
    by_hand.stderr.close()
    os.close(folder)
    remove_socket_folder(sockets)


def test_refusals_are_errors_of_the_broker() -> None:
    assert issubclass(EmbeddedPostgresError, BrokerError)
    assert EmbeddedPostgresError.code == "embedded-postgres"
