import stat
import tempfile
from pathlib import Path

from tests.runtime.embedded_owner import is_served, sql
from unbind_broker.runtime.embedded import open_embedded


async def test_opened_database_answers_over_its_url(tmp_path: Path) -> None:
    with open_embedded(tmp_path) as database:
        rows = await sql(
            database.url,
            "SELECT current_setting('server_encoding'), current_setting('TimeZone'),"
            " current_setting('fsync'), current_setting('listen_addresses'),"
            " current_setting('autovacuum'), current_setting('full_page_writes')",
        )

    assert rows == [("UTF8", "UTC", "on", "", "on", "on")]


async def test_other_databases_of_the_server_have_urls(tmp_path: Path) -> None:
    with open_embedded(tmp_path, durable=False) as database:
        engine_rows = await sql(database.url, "SELECT current_setting('fsync')")
        rows = await sql(
            database.url_of("template1"), "SELECT current_database()::text"
        )

    assert engine_rows == [("off",)]
    assert rows == [("template1",)]


async def test_database_opened_again_keeps_its_data(tmp_path: Path) -> None:
    with open_embedded(tmp_path / "new" / "folder") as first:
        await sql(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with open_embedded(tmp_path / "new" / "folder") as second:
        rows = await sql(second.url, "SELECT answer FROM kept")

    assert rows == [(42,)]
    assert second.started_here


def test_other_files_in_the_data_folder_are_left_alone(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text("{}")
    secrets.chmod(0o640)
    tmp_path.chmod(0o750)

    with open_embedded(tmp_path, durable=False):
        pass

    assert secrets.read_text() == "{}"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o640
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "postgres",
        "postgres.lock",
        "postgres.log",
        "postgres.users",
        "secrets.json",
    ]


def test_socket_folder_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    with open_embedded(tmp_path, durable=False) as database:
        mode = stat.S_IMODE(database.socket_folder.stat().st_mode)
        owner = database.socket_folder.stat().st_uid
        in_temporary_folder = database.socket_folder.parent

    assert mode == 0o700
    assert owner == (tmp_path / "postgres").stat().st_uid
    assert in_temporary_folder == Path(tempfile.gettempdir())
    assert not database.socket_folder.exists()


async def test_two_folders_side_by_side_do_not_meet(tmp_path: Path) -> None:
    with (
        open_embedded(tmp_path / "one", durable=False) as one,
        open_embedded(tmp_path / "two", durable=False) as two,
    ):
        await sql(one.url, "CREATE TABLE only_here (a int)")
        tables = await sql(two.url, "SELECT to_regclass('only_here')::text")

    assert tables == [(None,)]


def test_closing_twice_is_the_same_as_once(tmp_path: Path) -> None:
    database = open_embedded(tmp_path, durable=False)

    database.close()
    database.close()

    assert not is_served(tmp_path)


async def test_second_share_in_one_process_keeps_the_server(tmp_path: Path) -> None:
    first = open_embedded(tmp_path, durable=False)
    second = open_embedded(tmp_path, durable=False)

    first.close()

    assert await sql(second.url, "SELECT 1") == [(1,)]
    second.close()
    assert not is_served(tmp_path)


async def test_errors_of_clients_stay_out_of_the_log(tmp_path: Path) -> None:
    with open_embedded(tmp_path, durable=False) as database:
        await sql(
            database.url,
            "DO $$ BEGIN PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN"
            " RAISE WARNING 'a private matter'; END $$",
        )

    assert "private matter" not in (tmp_path / "postgres.log").read_text()


def test_grown_log_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "postgres.log").write_text("x" * 1024 * 1024 + "old")

    with open_embedded(tmp_path, durable=False):
        pass

    assert (tmp_path / "postgres.log.1").read_text().endswith("old")
    assert "ready to accept connections" in (tmp_path / "postgres.log").read_text()


def test_closing_bears_a_folder_that_was_moved_away(tmp_path: Path) -> None:
    database = open_embedded(tmp_path / "data", durable=False)
    (tmp_path / "data").rename(tmp_path / "moved")

    database.close()

    with open_embedded(tmp_path / "moved", durable=False) as moved:
        assert moved.started_here
    assert not is_served(tmp_path / "moved")
