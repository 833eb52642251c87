"""What the embedded database keeps in a data folder, and nothing else there."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError

_LOG_LIMIT = 1024 * 1024
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Name our files in the folder; the person's own files stay untouched."""

    root: Path

    @property
    def cluster(self) -> Path:
        """Name the folder that is Postgres's own."""
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        """Name the file that holds what the server and initdb say."""
        return self.root / "postgres.log"

    def rotate_log(self) -> None:
        """Keep one older log once the present one has grown past 1 MiB.

        The server logs its own events only, never a client's errors, so the
        file grows by a few lines a start.
        """
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))

    def open_file(self, path: Path, flags: int = 0) -> int:
        """Open one of our files, making it private and the folder owner's own.

        Refuses to follow a link: root writes here, and the folder may be
        another user's.
        """
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, mode=0o600
        )
        if os.geteuid() == 0:
            owner = self.root.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor


def prepare_folder(data_dir: Path) -> DataFolder:
    """Make the folder if it is missing, private to its owner."""
    try:
        data_dir.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise EmbeddedPostgresError(
            f"{data_dir} cannot be the data folder: a file is in the way"
        ) from None
    folder = DataFolder(data_dir.resolve())
    if not os.access(folder.root, os.W_OK | os.X_OK):
        raise EmbeddedPostgresError(f"the data folder {data_dir} is not writable")
    return folder
