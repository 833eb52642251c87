"""Where this installation keeps its data and its keys: a server, or one folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from platformdirs import user_data_path

from unbind_broker.base.sealing import generate_key
from unbind_broker.runtime.embedded.database import open_embedded
from unbind_broker.settings import Settings, SettingsWrong

KEYS_FILE = "keys.json"


@dataclass(frozen=True)
class Installation:
    """A database with the keys that open it; ``data_dir`` only when embedded."""

    database_url: str = field(repr=False)
    secret_keys: str = field(repr=False)
    index_key: str = field(repr=False)
    data_dir: Path | None


def data_folder(settings: Settings, chosen: Path | None) -> Path:
    """Return the folder of an embedded installation."""
    return (
        (chosen or settings.data_dir or user_data_path("unbind-broker"))
        .expanduser()
        .absolute()
    )


@contextmanager
def open_installation(
    settings: Settings, data_dir: Path | None = None, *, durable: bool = True
) -> Iterator[Installation]:
    """Use ``UNBIND_DATABASE_URL``, or start (or join) the embedded database.

    A folder named by the caller wins over the setting. Blocks while Postgres starts.
    """
    if settings.database_url is not None and data_dir is None:
        yield _on_server(settings, settings.database_url.get_secret_value())
        return
    folder = data_folder(settings, data_dir)
    with open_embedded(folder, durable=durable) as database:
        yield _in_folder(settings, folder, database.url)


def _on_server(settings: Settings, url: str) -> Installation:
    if settings.secret_keys is None or settings.index_key is None:
        raise SettingsWrong(
            "with UNBIND_DATABASE_URL, UNBIND_SECRET_KEYS and UNBIND_INDEX_KEY must be "
            "set too: 32 random bytes in base64 each (openssl rand -base64 32), the "
            "same in every process, kept for as long as the data"
        )
    return Installation(
        database_url=url,
        secret_keys=settings.secret_keys.get_secret_value(),
        index_key=settings.index_key.get_secret_value(),
        data_dir=None,
    )


def _in_folder(settings: Settings, folder: Path, url: str) -> Installation:
    kept = _kept_keys(folder / KEYS_FILE)
    given, index = settings.secret_keys, settings.index_key
    return Installation(
        database_url=url,
        secret_keys=given.get_secret_value() if given else kept["secret_keys"],
        index_key=index.get_secret_value() if index else kept["index_key"],
        data_dir=folder,
    )


def _kept_keys(path: Path) -> dict[str, str]:
    """Read the folder's keys; the first to come makes them, readable by its user."""
    if not path.exists():
        made = {"secret_keys": generate_key(), "index_key": generate_key()}
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
            json.dump(made, draft)
            draft.flush()
            os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            pass
        finally:
            Path(draft.name).unlink()
    try:
        kept = json.loads(path.read_text())
        return {name: str(kept[name]) for name in ("secret_keys", "index_key")}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsWrong(f"{path} is damaged: restore it from a backup") from error
