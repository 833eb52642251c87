import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.runtime.embedded_owner import Owner, is_served, server_pid, sql, until
from unbind_broker.runtime.embedded import EmbeddedPostgresError, open_embedded
from unbind_broker.runtime.embedded.probe import ask


async def test_second_process_joins_and_outlives_the_first(tmp_path: Path) -> None:
    with Owner(tmp_path, "--throw-away") as first:
        started = first.told()
        database = open_embedded(tmp_path, durable=False)
        assert first.leave() == 0

    assert started == {"url": database.url, "started_here": True}
    assert not database.started_here
    assert await sql(database.url, "SELECT 1") == [(1,)]
    database.close()
    assert not is_served(tmp_path)


async def test_earlier_leaver_leaves_the_server_running(tmp_path: Path) -> None:
    with open_embedded(tmp_path, durable=False) as database:
        with Owner(tmp_path, "--throw-away") as second:
            assert second.told()["started_here"] is False
        assert await sql(database.url, "SELECT 1") == [(1,)]


def test_processes_that_come_at_once_share_one_server(tmp_path: Path) -> None:
    owners = [Owner(tmp_path, "--throw-away") for _ in range(4)]

    told = [owner.told() for owner in owners]

    assert len({opened["url"] for opened in told}) == 1
    assert sum(opened["started_here"] for opened in told) == 1
    assert [owner.leave() for owner in owners] == [0, 0, 0, 0]
    assert not is_served(tmp_path)


async def test_server_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        left = owner.told()
        await sql(left["url"], "CREATE TABLE kept AS SELECT 42 AS answer")
        owner.kill()

    with open_embedded(tmp_path) as database:
        assert not database.started_here
        assert database.url == left["url"]
        assert await sql(database.url, "SELECT answer FROM kept") == [(42,)]

    assert not is_served(tmp_path)


async def test_committed_data_survives_the_death_of_everything(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        left = owner.told()
        await sql(left["url"], "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        owner.kill()

    with open_embedded(tmp_path) as database:
        assert database.started_here
        assert await sql(database.url, "SELECT answer FROM kept") == [(42,)]


async def test_leftover_server_without_its_socket_is_replaced(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        left = owner.told()
        await sql(left["url"], "CREATE TABLE kept AS SELECT 42 AS answer")
        owner.kill()
    old = server_pid(tmp_path)
    shutil.rmtree(socket_folder(tmp_path))

    with open_embedded(tmp_path) as database:
        assert database.started_here
        assert server_pid(tmp_path) != old
        assert await sql(database.url, "SELECT answer FROM kept") == [(42,)]


def test_server_that_others_use_is_never_replaced(tmp_path: Path) -> None:
    with Owner(tmp_path, "--throw-away") as owner:
        owner.told()
        shutil.rmtree(socket_folder(tmp_path))
        served_by = server_pid(tmp_path)

        with pytest.raises(EmbeddedPostgresError, match="does not answer here"):
            open_embedded(tmp_path, durable=False)

        assert server_pid(tmp_path) == served_by


def test_pid_that_belongs_to_somebody_else_now_is_no_obstacle(tmp_path: Path) -> None:
    open_embedded(tmp_path, durable=False).close()
    cluster = tmp_path / "postgres"
    owner = cluster.stat()
    stranger = subprocess.Popen(
        ["sleep", "60"],
        user=owner.st_uid if os.geteuid() == 0 else None,
    )
    stale = cluster / "postmaster.pid"
    stale.write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n/gone\n\n\nready\n")
    os.chown(stale, owner.st_uid, owner.st_gid)

    with open_embedded(tmp_path, durable=False) as database:
        assert database.started_here
        assert stranger.poll() is None

    stranger.kill()
    stranger.wait()


def test_pid_of_no_process_at_all_is_no_obstacle(tmp_path: Path) -> None:
    open_embedded(tmp_path, durable=False).close()
    gone = subprocess.Popen(["true"])
    gone.wait()
    stale = tmp_path / "postgres" / "postmaster.pid"
    stale.write_text(f"{gone.pid}\n{tmp_path}\n1700000000\n5432\n/gone\n\n\nready\n")

    with open_embedded(tmp_path, durable=False) as database:
        assert database.started_here


def test_pid_of_the_neighbours_server_is_no_obstacle(tmp_path: Path) -> None:
    with open_embedded(tmp_path / "one", durable=False):
        open_embedded(tmp_path / "two", durable=False).close()
        shutil.copy2(
            tmp_path / "one" / "postgres" / "postmaster.pid",
            tmp_path / "two" / "postgres" / "postmaster.pid",
        )
        with open_embedded(tmp_path / "two", durable=False) as two:
            assert two.started_here
        assert is_served(tmp_path / "one")


@pytest.mark.real_time(0.1)
@pytest.mark.parametrize("moment", ["postgres.new-*", "postgres.new-*/base/1/*"])
def test_killed_initdb_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    with Owner(tmp_path, "--throw-away") as owner:
        until(lambda: any(tmp_path.glob(moment)))
        owner.kill()
    assert not (tmp_path / "postgres").exists()

    with open_embedded(tmp_path, durable=False) as database:
        assert database.started_here

    assert not list(tmp_path.glob("postgres.new-*"))


def test_durable_use_refuses_a_running_server_that_is_not(tmp_path: Path) -> None:
    with (
        open_embedded(tmp_path, durable=False),
        pytest.raises(EmbeddedPostgresError, match="without protection"),
    ):
        open_embedded(tmp_path)


async def test_leftover_that_is_not_durable_is_restarted(tmp_path: Path) -> None:
    with Owner(tmp_path, "--throw-away") as owner:
        owner.told()
        owner.kill()

    with open_embedded(tmp_path) as database:
        assert database.started_here
        assert await sql(database.url, "SHOW fsync") == [("on",)]


def test_ctrl_c_lets_the_server_shut_down_in_order(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        owner.told()
        owner.press_ctrl_c()

    log = (tmp_path / "postgres.log").read_text()
    assert not is_served(tmp_path)
    assert log.rstrip().endswith("database system is shut down")


def test_forked_child_does_not_stop_its_parents_server(tmp_path: Path) -> None:
    with open_embedded(tmp_path, durable=False) as database:
        child = os.fork()
        if child == 0:
            database.close()
            os._exit(0)
        os.waitpid(child, 0)

        assert ask(database.socket_folder, "SELECT 1") == ["1"]


def socket_folder(folder: Path) -> str:
    lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    return lines[4]
