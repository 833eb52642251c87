"""Open the embedded database of a data folder, together with whoever else has."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from unbind_broker.runtime.embedded import cluster, server
from unbind_broker.runtime.embedded.account import Account, choose_account
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder, prepare_folder
from unbind_broker.runtime.embedded.locks import Membership
from unbind_broker.runtime.embedded.probe import PORT, SUPERUSER
from unbind_broker.runtime.embedded.programs import find_programs
from unbind_broker.runtime.embedded.socket_folder import remove_socket_folder


def open_embedded(data_dir: Path, *, durable: bool = True) -> "EmbeddedDatabase":
    """Join the server of this folder, or take it over, or start one.

    Blocks for about a second the first time: call it before the event loop
    starts, or through a thread. `durable=False` trades safety against a crash
    of the machine for speed; it is for throw-away folders.
    Raises EmbeddedPostgresError.
    """
    try:
        folder = prepare_folder(data_dir)
        membership = Membership(folder)
        try:
            return _open(folder, membership, durable=durable)
        except BaseException:
            membership.close()
            raise
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the data folder {data_dir} cannot be used: "
            f"{error.strerror or error} ({error.filename or data_dir})"
        ) from error


@dataclass(frozen=True, slots=True)
class EmbeddedDatabase:
    """Hold a share in a running server; the last one to close it stops it."""

    data_dir: Path
    socket_folder: Path
    started_here: bool
    _membership: Membership

    @property
    def url(self) -> str:
        """Name the database every server has, in SQLAlchemy's words."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Name another database of the same server."""
        return (
            f"postgresql+asyncpg://{SUPERUSER}@/{quote(database, safe='')}"
            f"?host={quote(str(self.socket_folder))}&port={PORT}"
        )

    def close(self) -> None:
        """Leave, and stop the server if nobody else is there.

        May be called again, also after a signal broke off an earlier call.
        """
        membership = self._membership
        if membership.is_closed():
            return
        with membership.deciding():
            if membership.is_alone():
                server.stop(DataFolder(self.data_dir).cluster)
                remove_socket_folder(self.socket_folder)
        membership.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open(
    folder: DataFolder, membership: Membership, *, durable: bool
) -> EmbeddedDatabase:
    account = choose_account(folder)
    with membership.deciding():
        socket_folder = _running(folder, alone=membership.is_alone(), durable=durable)
        started_here = socket_folder is None
        if socket_folder is None:
            socket_folder = _start(folder, account, durable=durable)
        membership.join()
    return EmbeddedDatabase(folder.root, socket_folder, started_here, membership)


def _running(folder: DataFolder, *, alone: bool, durable: bool) -> Path | None:
    """Find the running server's socket folder.

    A server that is of no use is stopped, but only if nobody else uses it.
    """
    running = server.is_running(folder.cluster)
    socket_folder = server.reach(folder.cluster) if running else None
    if socket_folder is None:
        if not alone:
            raise EmbeddedPostgresError(
                f"another command uses {folder.root}, but its database does not "
                "answer here; end that command first"
            )
        if running:
            server.stop_broken(folder.cluster)
        return None
    if not durable or server.is_durable(socket_folder):
        return socket_folder
    if not alone:
        raise EmbeddedPostgresError(
            f"the database in {folder.root} is running without protection against "
            "crashes; end the command that started it first"
        )
    server.stop(folder.cluster)
    remove_socket_folder(socket_folder)
    return None


def _start(folder: DataFolder, account: Account, *, durable: bool) -> Path:
    account.check()
    folder.rotate_log()
    programs = find_programs(account, major=cluster.major_version(folder))
    cluster.ensure(folder, account, programs, durable=durable)
    return server.start(folder, account, programs, durable=durable)
