"""The short private folder in which a server's socket lives."""

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError

_PREFIX = "unbind-pg-"
# A socket's path ends at 107 bytes on Linux and 103 elsewhere; ours adds about 40.
_LONGEST = 60
# Postgres splits its setting at commas, URLs and drivers theirs at colons.
_PLAIN = re.compile(r"/[A-Za-z0-9/._-]*")


def make_socket_folder(account: Account) -> Path:
    """Make a folder of mode 0700 that is the server account's own."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - mkdtemp makes the name and the mode safe
        if len(parent) > _LONGEST or not _PLAIN.fullmatch(parent):
            continue
        with suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            account.give(folder)
            if _is_reachable(folder, account):
                return folder
            folder.rmdir()
    raise EmbeddedPostgresError(
        "no temporary folder can hold the database's socket: point TMPDIR to one "
        f"that user id {account.uid} may enter and whose path is short"
    )


def remove_socket_folder(folder: Path) -> None:
    """Remove the folder with what a server left in it, if it is one of ours."""
    if folder.name.startswith(_PREFIX) and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _is_reachable(folder: Path, account: Account) -> bool:
    if not account.is_other:
        return True
    return account.succeeds(["/bin/sh", "-c", 'cd "$0"', str(folder)])
