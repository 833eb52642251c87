"""Start, reach and stop the server of a database folder.

Every process of the server holds a lock on the folder, inherited through the
descriptor it was started with. Lock free, so no server: that holds for
recycled pids, zombies and other containers alike, where a pid tells nothing.
"""

import os
import signal
from contextlib import closing, suppress
from pathlib import Path

from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.cluster import address
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder
from unbind_broker.runtime.embedded.locks import try_lock, wait_until
from unbind_broker.runtime.embedded.log import LogReader
from unbind_broker.runtime.embedded.pidfile import (
    is_strange_server,
    is_there,
    mark,
    parse_pid_file,
    read_pid_file,
    serves,
)
from unbind_broker.runtime.embedded.probe import PORT, SilenceError, ask
from unbind_broker.runtime.embedded.programs import Programs
from unbind_broker.runtime.embedded.socket_folder import (
    make_socket_folder,
    remove_socket_folder,
)

_SETTINGS = (
    "listen_addresses=",
    f"port={PORT}",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    # Only the server's own events: a client's failing statement may hold data.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_checkpoints=off",
)
_THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_START_PATIENCE_S = 60.0
_JOIN_PATIENCE_S = 8.0
_READY_PATIENCE_S = 0.5
# Fast shutdown, immediate shutdown, and what a stopped process still obeys.
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
_STOP_BROKEN = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 10.0))


def start(
    folder: DataFolder, account: Account, programs: Programs, *, durable: bool
) -> Path:
    """Start a server and wait until it answers; gives its socket folder.

    Recovery after a crash may take its time: the patience of a minute counts
    from the last sign of life.
    """
    _forget_dead_server(folder)
    socket_folder = make_socket_folder(account)
    try:
        with closing(LogReader(folder)) as log:
            _launch(folder, account, programs, (socket_folder, durable), log)
            _expect_answer(folder, log)
    except BaseException:
        stop(folder.cluster)
        remove_socket_folder(socket_folder)
        raise
    return socket_folder


def is_running(cluster: Path) -> bool:
    """Tell whether any process of a server of ours lives on this folder.

    Where the folder was removed, its server notices within a minute and ends.
    """
    try:
        descriptor = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def reach(cluster: Path) -> Path | None:
    """Give the running server's socket folder if it truly serves this database."""
    told = read_pid_file(cluster)
    ready = told is not None and told.is_ready
    return _wait_for_answer(cluster, _READY_PATIENCE_S if ready else _JOIN_PATIENCE_S)


def is_durable(socket_folder: Path) -> bool:
    """Tell whether the server keeps what it has committed when power fails."""
    return ask(socket_folder, "SHOW fsync") == ["on"]


def stop(cluster: Path) -> None:
    """End the server politely and wait; lose nothing that was committed."""
    _stop(cluster, _STOP)


def stop_broken(cluster: Path) -> None:
    """End a server that nobody can reach any more."""
    left = read_pid_file(cluster)
    _stop(cluster, _STOP_BROKEN)
    if left is not None and left.socket_folder is not None:
        remove_socket_folder(left.socket_folder)


def _launch(
    folder: DataFolder,
    account: Account,
    programs: Programs,
    how: tuple[Path, bool],
    log: LogReader,
) -> None:
    socket_folder, durable = how
    settings = [
        *_SETTINGS,
        *(() if durable else _THROW_AWAY),
        f"unix_socket_directories={socket_folder}",
        mark(folder.cluster),
    ]
    with address(folder.cluster, account) as (descriptor, name):
        if not try_lock(descriptor):
            raise EmbeddedPostgresError(f"{folder.cluster} is locked by a server")
        # The shell ends at once, so that the server is nobody's child to reap.
        command = ["/bin/sh", "-c", '"$@" &', "sh", str(programs.postgres), "-D", name]
        for setting in settings:
            command += ["-c", setting]
        account.run(command, output=log.descriptor, inherit=(descriptor,))


def _expect_answer(folder: DataFolder, log: LogReader) -> None:
    if _wait_for_answer(folder.cluster, _START_PATIENCE_S) is None:
        raise EmbeddedPostgresError(
            f"Postgres did not start on {folder.cluster}: {log.complaint()} "
            f"(log: {folder.log})"
        )


def _wait_for_answer(cluster: Path, patience_s: float) -> Path | None:
    while not wait_until(
        lambda: not is_running(cluster) or _answer(cluster) is not None, patience_s
    ):
        if not _is_starting(cluster):
            return None
    return _answer(cluster) if is_running(cluster) else None


def _answer(cluster: Path) -> Path | None:
    """Let the server behind the socket prove that it reads this very folder."""
    told = read_pid_file(cluster)
    if told is None or told.socket_folder is None:
        return None
    with suppress(SilenceError):
        row = ask(told.socket_folder, "SELECT pg_read_file('postmaster.pid')")
        seen = parse_pid_file(row[0])
        if seen is not None and seen.identity == told.identity:
            return told.socket_folder
    return None


def _is_starting(cluster: Path) -> bool:
    told = read_pid_file(cluster)
    if told is None or told.socket_folder is None:
        return False
    try:
        ask(told.socket_folder, "SELECT 1")
    except SilenceError as silence:
        return silence.is_starting
    return True


def _stop(cluster: Path, steps: tuple[tuple[signal.Signals, float], ...]) -> None:
    for how, patience_s in steps:
        if _ends(cluster, how, patience_s):
            return
    raise EmbeddedPostgresError(
        f"the Postgres processes of {cluster} do not end: look for them with "
        "`ps`, end them, and try again"
    )


def _ends(cluster: Path, how: signal.Signals, patience_s: float) -> bool:
    """Signal the server once, as soon as it can be told apart, and wait."""
    told = False

    def is_gone() -> bool:
        nonlocal told
        if not is_running(cluster):
            return True
        told = told or _signal(cluster, how)
        return False

    return wait_until(is_gone, patience_s)


def _signal(cluster: Path, how: signal.Signals) -> bool:
    server = read_pid_file(cluster)
    if server is None or not serves(server.pid, cluster):
        return False
    with suppress(ProcessLookupError):
        os.kill(server.pid, how)
    return True


def _forget_dead_server(folder: DataFolder) -> None:
    """Clear what a dead server left, if its pid now belongs to somebody else.

    Postgres does this itself where the pid is free, and checks more then.
    """
    left = read_pid_file(folder.cluster)
    if left is None:
        return
    if is_strange_server(left.pid, folder.cluster):
        raise EmbeddedPostgresError(
            f"a Postgres that was not started here (process {left.pid}) uses "
            f"{folder.cluster}: stop it first"
        )
    if is_there(left.pid):
        (folder.cluster / "postmaster.pid").unlink()
    if left.socket_folder is not None:
        remove_socket_folder(left.socket_folder)
