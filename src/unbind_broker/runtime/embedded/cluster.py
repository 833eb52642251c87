"""The database folder itself: made whole or not at all, and never mixed up."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder
from unbind_broker.runtime.embedded.log import LogReader
from unbind_broker.runtime.embedded.probe import SUPERUSER
from unbind_broker.runtime.embedded.programs import Programs

_UNFINISHED = "postgres.new-"
_TOO_OPEN = 0o027
_REMOVALS = 50
_BETWEEN_REMOVALS = 0.1  # seconds


def major_version(folder: DataFolder) -> int | None:
    """Tell which Postgres made the database; None where there is none yet."""
    cluster = folder.cluster
    if not os.path.lexists(cluster):
        return None
    if not cluster.is_dir():
        raise EmbeddedPostgresError(
            f"{cluster} is not a folder: move it away, the database belongs there"
        )
    with suppress(FileNotFoundError):
        return int((cluster / "PG_VERSION").read_text("utf-8"))
    if any(cluster.iterdir()):
        raise EmbeddedPostgresError(
            f"{cluster} holds files but no database: move it away, the database "
            "belongs there"
        )
    return None


def ensure(
    folder: DataFolder, account: Account, programs: Programs, *, durable: bool
) -> None:
    """Make the database if there is none; mend what Postgres would refuse.

    The folder gets its name only when it is complete, so a killed initdb
    leaves nothing that passes for a database.
    """
    for leftover in folder.root.glob(f"{_UNFINISHED}*"):
        _remove(leftover)
    if major_version(folder) is None:
        _create(folder, account, programs, durable=durable)
    _mend_ownership(folder.cluster, account)


@contextmanager
def address(cluster: Path, account: Account) -> Iterator[tuple[int, str]]:
    """Give an open descriptor of the folder, and the name to call it by.

    Another account may not be allowed through the folders above (a home of
    mode 0700). It needs no way through them: the descriptor that the server
    inherits leads straight to the folder.
    """
    descriptor = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
    try:
        through = f"/proc/self/fd/{descriptor}"
        named = account.is_other and Path(through).exists()
        yield descriptor, through if named else str(cluster)
    finally:
        os.close(descriptor)


def _create(
    folder: DataFolder, account: Account, programs: Programs, *, durable: bool
) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.root))
    try:
        account.give(unfinished)
        _initdb(folder, unfinished, account, programs, durable=durable)
        unfinished.rename(folder.cluster)
        _sync(folder.root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _remove(leftover: Path) -> None:
    """Remove what a killed process left, while its initdb may still be writing there.

    An initdb that outlived its parent fails as soon as its folders are gone.
    """
    for _ in range(_REMOVALS):
        shutil.rmtree(leftover, ignore_errors=True)
        if not leftover.exists():
            return
        time.sleep(_BETWEEN_REMOVALS)  # noqa: TID251 - no loop runs in this thread


def _initdb(
    folder: DataFolder,
    unfinished: Path,
    account: Account,
    programs: Programs,
    *,
    durable: bool,
) -> None:
    command = [
        str(programs.initdb),
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    ]
    if not durable:
        command.append("--no-sync")
    with closing(LogReader(folder)) as log, address(unfinished, account) as at:
        descriptor, name = at
        command += ["-D", name]
        code = account.run(command, output=log.descriptor, inherit=(descriptor,))
        if code != 0:
            raise EmbeddedPostgresError(
                f"Postgres could not make a database in {folder.root}: "
                f"{log.complaint()} (log: {folder.log})"
            )


def _mend_ownership(cluster: Path, account: Account) -> None:
    """Give back what a restore by root took, or what a volume opened to others."""
    state = cluster.stat()
    if account.is_other and state.st_uid == 0:
        account.give(cluster.resolve())
        for root, folders, files in os.walk(cluster):
            for name in (*folders, *files):
                account.give(Path(root, name))
    if state.st_mode & _TOO_OPEN:
        cluster.chmod(0o700)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
