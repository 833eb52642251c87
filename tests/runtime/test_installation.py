"""An installation in a folder: its keys are made once, kept, and its user's alone."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from unbind_broker.runtime.installation import (
    KEYS_FILE,
    Installation,
    _kept_keys,
    data_folder,
    open_installation,
)
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.settings import Settings, SettingsWrong

GOOD_KEY = "A" * 43 + "="


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # pydantic-settings' own way to leave the file out


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first = _kept_keys(tmp_path / KEYS_FILE)
    assert _kept_keys(tmp_path / KEYS_FILE) == first
    assert first["secret_keys"] != first["index_key"]


def test_keys_file_is_readable_by_its_user_alone(tmp_path: Path) -> None:
    _kept_keys(tmp_path / KEYS_FILE)
    mode = stat.S_IMODE((tmp_path / KEYS_FILE).stat().st_mode)
    assert mode == 0o600


def test_many_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: _kept_keys(tmp_path / KEYS_FILE), range(16)))
    assert all(keys == found[0] for keys in found)
    assert [path.name for path in tmp_path.iterdir()] == [KEYS_FILE]


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json"])
def test_damaged_keys_file_is_named_and_left_alone(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / KEYS_FILE
    path.write_text(content)
    with pytest.raises(SettingsWrong, match="restore it from a backup"):
        _kept_keys(path)
    assert path.read_text() == content


def test_server_needs_keys_of_its_own() -> None:
    chosen = settings(database_url=SecretStr("postgresql://db/broker"))
    with (
        pytest.raises(SettingsWrong, match="UNBIND_SECRET_KEYS and UNBIND_INDEX_KEY"),
        open_installation(chosen),
    ):
        pass


def test_server_with_keys_is_used_as_it_is() -> None:
    chosen = settings(
        database_url=SecretStr("postgresql://db/broker"),
        secret_keys=SecretStr("s"),
        index_key=SecretStr("i"),
    )
    with open_installation(chosen) as installation:
        assert installation.database_url == "postgresql+asyncpg://db/broker"
        assert installation.data_dir is None
        assert "broker" not in repr(installation)


def test_folder_named_by_the_caller_wins(tmp_path: Path) -> None:
    chosen = settings(data_dir=tmp_path / "setting")
    assert data_folder(chosen, tmp_path / "option") == tmp_path / "option"
    assert data_folder(chosen, None) == tmp_path / "setting"
    assert data_folder(settings(), None).name == "unbind-broker"


@pytest.mark.parametrize(
    ("secret_keys", "index_key", "named"),
    [
        ("oops", GOOD_KEY, "UNBIND_SECRET_KEYS: expected"),
        (GOOD_KEY, "oops", "UNBIND_INDEX_KEY: expected"),
    ],
)
async def test_key_of_no_use_is_told_by_its_setting(
    secret_keys: str, index_key: str, named: str
) -> None:
    nowhere = "postgresql+asyncpg://x@127.0.0.1:9/x"
    installation = Installation(nowhere, secret_keys, index_key, None)
    with pytest.raises(SettingsWrong, match=named) as caught:
        async with open_runtime(settings(), installation, application="tests"):
            pass
    assert "oops" not in str(caught.value)
