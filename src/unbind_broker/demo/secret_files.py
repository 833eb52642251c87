"""Take keys from the environment or a file, never from the command line."""

import json
import os
from pathlib import Path

from unbind_broker.base.errors import BrokerError


class KeyMissing(BrokerError):
    """A key that is needed cannot be found."""

    code = "key-missing"
    title = "A key is missing"


def key_in_environment(variable: str) -> str:
    """Read a key from an environment variable."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise KeyMissing(
            f"{variable} is not set: put an administrator's key there "
            "(unbind-broker keys issue --role admin)"
        )
    return key


def keys_in_file(path: Path) -> dict[str, str]:
    """Read platform keys from a JSON object: slug and key."""
    expected = f'{path}: expected a JSON object such as {{"weibo": "ub_platform_…"}}'
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise KeyMissing(expected) from None
    if not isinstance(keys, dict) or not keys:
        raise KeyMissing(expected)
    if not all(isinstance(key, str) for key in keys.values()):
        raise KeyMissing(expected)
    return keys
