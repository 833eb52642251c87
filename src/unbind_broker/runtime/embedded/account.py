"""The account Postgres runs under: never root.

Postgres refuses to run as root, so root hands its programs to the owner of the
data, or to `nobody`. Nothing on the machine is changed for that: the child
process alone changes its user ids.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder

# Fixed, because PGPORT, PGDATA and their like would reach into the server.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """Run programs under these ids; `is_other` when they are not our own."""

    uid: int
    gid: int
    is_other: bool

    def run(
        self, command: Sequence[str], *, output: int, inherit: tuple[int, ...] = ()
    ) -> int:
        """Run a program to its end and tell its exit code.

        It gets a session of its own, so that Ctrl-C in our terminal is ours.
        """
        return subprocess.run(  # noqa: S603 - no shell splits it, no outsider words it
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherit,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        ).returncode

    def succeeds(self, command: Sequence[str]) -> bool:
        """Tell whether this account can run the program at all."""
        with suppress(OSError):
            return self.run(command, output=subprocess.DEVNULL) == 0
        return False

    def check(self) -> None:
        """Refuse early where root may not become anybody else."""
        try:
            self.run(["/bin/sh", "-c", ":"], output=subprocess.DEVNULL)
        except OSError as error:
            raise EmbeddedPostgresError(
                "Postgres does not run as root, and this root may not change to "
                f"user id {self.uid} ({error.strerror}): run as an ordinary user, "
                "or set UNBIND_DATABASE_URL"
            ) from error

    def give(self, path: Path) -> None:
        """Make a file or folder of ours the account's own."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(folder: DataFolder) -> Account:
    """Keep our own account, or as root take the data's owner, or `nobody`."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    if folder.cluster.exists():
        owner = folder.cluster.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, is_other=True)
    owner = folder.root.stat()
    # initdb asks for its user's name, so an owner without one will not do.
    if owner.st_uid != 0 and _has_name(owner.st_uid):
        return Account(owner.st_uid, owner.st_gid, is_other=True)
    return _nobody()


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedPostgresError(
            "Postgres does not run as root, and this machine has no account "
            "`nobody` to run it under: run as an ordinary user, or set "
            "UNBIND_DATABASE_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, is_other=True)
