"""Seals kept elsewhere, as lines of JSON: whoever has them notices rewriting."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from unbind_broker.audit.seals import Seal, signature_holds
from unbind_broker.base.broker_key import key_id_of
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.signing_keys import PublicKey


class KeptSealsWrong(BrokerError):
    """A file of kept seals cannot be used."""

    code = "kept-seals-wrong"
    title = "The kept seals cannot be used"


@dataclass
class KeptSeals:
    """Digests of kept seals by their numbers, and the keys that signed them."""

    digests: dict[int, bytes] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)


def show_seal(seal: Seal, keys: Mapping[str, bytes]) -> dict[str, object]:
    """Give a seal as JSON.

    ``statement`` is the very text that is signed; the other members repeat it for
    readers, but for ``signature`` (base64) and ``public_key``.
    """
    public = keys.get(seal.key_id)
    return {
        **seal.members,
        "statement": seal.statement.decode(),
        "signature": b64encode(seal.signature).decode(),
        "public_key": None if public is None else PublicKey(public).text,
    }


def read_kept(lines: Iterable[str]) -> KeptSeals:
    """Read seals as ``show_seal`` gave them, a line each; raises ``KeptSealsWrong``.

    An export of the trail will do as well: its events are passed over. So will pages of
    the list of seals. Their own signatures are checked, so that a damaged file is not
    mistaken for a damaged trail; nor is an empty one for a trail that is whole.
    """
    kept = KeptSeals()
    for place, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            shown = json.loads(line)
            for one in shown.get("data", [shown]):
                if one.get("type") != "event":
                    _keep(kept, one.get("seal", one))
        except (ValueError, KeyError, TypeError, AttributeError, BrokerError) as error:
            raise KeptSealsWrong(f"line {place} is no seal: {_why(error)}") from error
    if not kept.digests:
        raise KeptSealsWrong("expected seals, a line of JSON each; the file has none")
    return kept


def _keep(kept: KeptSeals, shown: dict[str, str]) -> None:
    statement = shown["statement"].encode()
    members = json.loads(statement)
    number, key_id = members["number"], members["key_id"]
    if not isinstance(number, int):
        raise TypeError("its number is none")
    public = PublicKey.parse(shown["public_key"]).raw
    signature = b64decode(shown["signature"], validate=True)
    if key_id_of(public) != key_id:
        raise ValueError("the key is not the one that it names")
    if not signature_holds(public, signature, statement):
        raise ValueError("its signature does not hold")
    digest = hashlib.sha256(statement).digest()
    if kept.digests.setdefault(number, digest) != digest:
        raise ValueError(f"another seal {number} stands in the file")
    kept.keys[key_id] = public


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    return str(error)
