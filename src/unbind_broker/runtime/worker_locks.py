"""Tell which workers of a data folder are dead: their locks vanished with them.

A restarted process takes the leases of its dead predecessor at once instead of
waiting until they run out.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from uuid import UUID

from unbind_broker.base.ids import WorkerId

FOLDER = "workers"
_SUFFIX = ".lock"


@contextmanager
def hold_worker_lock(
    data_dir: Path | None, worker_id: WorkerId
) -> Iterator[tuple[WorkerId, ...]]:
    """Be known as alive while inside; gives the workers found dead, once.

    Without a data folder (a database server shared by machines) nobody can be told
    dead before its leases have run out.
    """
    if data_dir is None:
        yield ()
        return
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = _take_lock(folder, worker_id)
    try:
        yield tuple(_bury_dead(folder))
    finally:
        _path(folder, worker_id).unlink(missing_ok=True)
        os.close(lock)


def _take_lock(folder: Path, worker_id: WorkerId) -> int:
    """Lock the file before it gets its name, so that nobody finds it unlocked."""
    descriptor, draft = mkstemp(dir=folder, prefix="new-")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    Path(draft).rename(_path(folder, worker_id))
    return descriptor


def _bury_dead(folder: Path) -> Iterator[WorkerId]:
    """Remove every lock file that nobody holds."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            worker_id = WorkerId(UUID(path.stem))
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except (ValueError, FileNotFoundError):
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
        yield worker_id


def _path(folder: Path, worker_id: WorkerId) -> Path:
    return folder / f"{worker_id}{_SUFFIX}"
