import os
import subprocess
from pathlib import Path

import pytest

from tests.runtime.embedded_owner import Owner, folder_for_everybody, needs_root, until
from unbind_broker.runtime.embedded import pidfile
from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.folder import prepare_folder
from unbind_broker.runtime.embedded.log import LogReader
from unbind_broker.runtime.embedded.pidfile import (
    is_strange_server,
    mark,
    parse_pid_file,
    serves,
)
from unbind_broker.runtime.embedded.probe import SilenceError, ask
from unbind_broker.runtime.embedded.socket_folder import (
    remove_socket_folder,
)

OURSELVES = Account(os.geteuid(), os.getegid(), is_other=False)


def test_pid_file_names_the_socket_folder_once_it_is_there() -> None:
    early = parse_pid_file("12\n/data\n1700000000\n5432\n")
    ready = parse_pid_file("12\n/data\n1700000000\n5432\n/run/s\n\n 1 2\nready   \n")

    assert early is not None
    assert ready is not None
    assert early.identity == ready.identity
    assert (early.socket_folder, early.is_ready) == (None, False)
    assert ready.is_ready
    assert ready.socket_folder == Path("/run/s")


@pytest.mark.parametrize("text", ["", "12\n", "soon\n/data\n1700000000\n"])
def test_pid_file_that_is_not_whole_says_nothing(text: str) -> None:
    assert parse_pid_file(text) is None


def test_process_is_recognised_by_its_folder_only(tmp_path: Path) -> None:
    marked = subprocess.Popen(["tail", "-f", "/dev/null", mark(tmp_path)])

    until(lambda: serves(marked.pid, tmp_path))
    assert not serves(marked.pid, tmp_path.parent)
    assert not serves(os.getpid(), tmp_path)
    assert not is_strange_server(marked.pid, tmp_path)

    marked.kill()
    marked.wait()


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs ps")
def test_command_line_is_learnt_without_proc_too(tmp_path: Path) -> None:
    marked = subprocess.Popen(["tail", "-f", "/dev/null", mark(tmp_path)])

    until(lambda: mark(tmp_path) in pidfile._told_by_ps(marked.pid))

    marked.kill()
    marked.wait()
    assert mark(tmp_path) not in pidfile._told_by_ps(marked.pid)


def test_silence_is_told_from_an_answer(tmp_path: Path) -> None:
    with pytest.raises(SilenceError) as caught:
        ask(tmp_path, "SELECT 1")

    assert not caught.value.is_starting


def test_log_tells_the_last_line_where_nothing_complains(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path)
    folder.log.write_text("FATAL: an older story\n")
    log = LogReader(folder)

    before = log.complaint()
    os.write(log.descriptor, b"one\ntwo\n")

    assert before == "it said nothing"
    assert log.complaint() == "two"
    log.close()


def test_log_tells_the_first_error_as_the_others_follow_from_it(
    tmp_path: Path,
) -> None:
    log = LogReader(prepare_folder(tmp_path))
    os.write(
        log.descriptor,
        b"2026-01-01 [7] FATAL:  the database system is starting up\n"
        b"2026-01-01 [7] FATAL:  could not extend file: No space left on device\n"
        b"2026-01-01 [7] PANIC:  cannot abort transaction 1\n",
    )

    assert log.complaint() == "could not extend file: No space left on device"
    log.close()


def test_folder_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    remove_socket_folder(tmp_path)

    assert tmp_path.is_dir()


@pytest.mark.parametrize("name", ["long" * 20, "a,b", "a:b", "a b", "missing/folder"])
def test_temporary_folder_unfit_for_sockets_is_passed_over(
    tmp_path: Path, name: str
) -> None:
    unfit = tmp_path / name
    if name != "missing/folder":
        unfit.mkdir()

    with Owner(tmp_path / "d", "--throw-away", prefix=with_tmpdir(unfit)) as owner:
        told = owner.told()

    assert str(unfit) not in told["url"]


@needs_root
def test_temporary_folder_closed_to_the_server_is_passed_over(tmp_path: Path) -> None:
    with folder_for_everybody() as closed:
        closed.chmod(0o700)
        with Owner(tmp_path, "--throw-away", prefix=with_tmpdir(closed)) as owner:
            told = owner.told()
        left = list(closed.iterdir())

    assert str(closed) not in told["url"]
    assert left == []


def with_tmpdir(folder: Path) -> list[str]:
    return ["env", f"TMPDIR={folder}"]
