import os
import stat
from pathlib import Path

from tests.runtime.embedded_owner import (
    Owner,
    as_nobody,
    folder_for_everybody,
    needs_root,
    nobody,
    server_pid,
    sql,
)
from unbind_broker.runtime.embedded import open_embedded
from unbind_broker.runtime.embedded.probe import ask


@needs_root
def test_root_keeps_a_database_below_its_own_closed_folder() -> None:
    with folder_for_everybody() as parent:
        closed = parent / "closed"
        closed.mkdir(mode=0o700)
        with open_embedded(closed / "data") as database:
            answer = ask(database.socket_folder, "SELECT 1")
            runs_as = Path(f"/proc/{server_pid(closed / 'data')}").stat().st_uid

        assert answer == ["1"]
        assert runs_as == nobody()[0]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed.stat().st_uid == 0


@needs_root
def test_root_runs_the_server_as_the_owner_of_the_folder() -> None:
    with folder_for_everybody() as parent:
        data = parent / "data"
        data.mkdir(mode=0o700)
        os.chown(data, *nobody())
        with open_embedded(data, durable=False):
            runs_as = Path(f"/proc/{server_pid(data)}").stat().st_uid
        owners = {path.lstat().st_uid for path in data.rglob("*")}

        assert runs_as == nobody()[0]
        assert owners == {nobody()[0]}


@needs_root
async def test_ordinary_user_needs_no_rights_at_all() -> None:
    with folder_for_everybody() as parent:
        os.chown(parent, *nobody())
        with Owner(parent / "data", "--as", as_nobody()) as owner:
            told = owner.told()
            assert told["started_here"] is True
            assert await sql(told["url"], "SELECT 1") == [(1,)]
            assert owner.leave() == 0


@needs_root
async def test_root_and_the_folders_owner_take_turns() -> None:
    with folder_for_everybody() as parent:
        data = parent / "data"
        data.mkdir(mode=0o700)
        os.chown(data, *nobody())
        with open_embedded(data) as by_root:
            await sql(by_root.url, "CREATE TABLE kept AS SELECT 42 AS answer")
            with Owner(data, "--as", as_nobody()) as owner:
                assert owner.told() == {"url": by_root.url, "started_here": False}
        with Owner(data, "--as", as_nobody()) as owner:
            told = owner.told()
            assert told["started_here"] is True
            assert await sql(told["url"], "SELECT answer FROM kept") == [(42,)]


@needs_root
def test_folder_restored_by_root_is_given_back_to_the_server(tmp_path: Path) -> None:
    open_embedded(tmp_path, durable=False).close()
    for path in [tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")]:
        os.chown(path, 0, 0)
    (tmp_path / "postgres").chmod(0o777)

    with open_embedded(tmp_path, durable=False) as database:
        assert database.started_here

    assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o700


@needs_root
def test_root_that_may_not_change_user_is_told_so(tmp_path: Path) -> None:
    fewer_rights = ["setpriv", "--bounding-set=-setuid,-setgid"]

    with Owner(tmp_path, prefix=fewer_rights) as owner:
        told = owner.told()

    assert "this root may not change to user id" in told["error"]
    assert "UNBIND_DATABASE_URL" in told["error"]


@needs_root
async def test_root_without_the_right_to_trace_manages_too(tmp_path: Path) -> None:
    like_a_container = [
        "setpriv",
        "--bounding-set=-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid",
    ]
    with Owner(tmp_path, prefix=like_a_container) as owner:
        left = owner.told()
        owner.kill()

    with Owner(tmp_path, prefix=like_a_container) as next_owner:
        told = next_owner.told()
        assert told == {"url": left["url"], "started_here": False}
        assert next_owner.leave() == 0


@needs_root
def test_ordinary_user_is_told_when_the_folder_is_not_writable() -> None:
    with folder_for_everybody() as parent:
        with Owner(parent, "--as", as_nobody()) as owner:
            told = owner.told()

        assert told == {"error": f"the data folder {parent} is not writable"}


@needs_root
def test_ordinary_user_is_told_when_the_folder_cannot_be_made() -> None:
    with folder_for_everybody() as parent:
        with Owner(parent / "data", "--as", as_nobody()) as owner:
            told = owner.told()

        assert "cannot be used: Permission denied" in told["error"]
        assert not (parent / "data").exists()
