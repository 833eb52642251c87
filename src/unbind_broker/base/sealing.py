"""Sealing of numbers and secrets at rest, and the index that finds a number."""

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import ClassVar, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import PhoneNumber

_VERSION = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
_KEY_ID_DOMAIN = b"unbind-broker/sealing-key-id/1"
_INDEX_DOMAIN = b"unbind-broker/number-index/1\x00"
_SANDBOX_INDEX_DOMAIN = b"unbind-broker/sandbox-number-index/1\x00"
_FINGERPRINT_DOMAIN = b"unbind-broker/request-fingerprint/1\x00"


class SecretKeyInvalid(BrokerError):
    """Refuse a setting that holds no usable key; never repeats the setting."""

    code: ClassVar[str] = "secret-key-invalid"
    title: ClassVar[str] = "Secret key invalid"


class SealBroken(BrokerError):
    """Say that sealed bytes do not open: changed, moved, or of an unknown key."""

    code: ClassVar[str] = "seal-broken"
    title: ClassVar[str] = "Seal broken"


@final
class SecretKey:
    """Hold 32 secret bytes that no way of printing shows."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != _KEY_BYTES:
            raise SecretKeyInvalid(f"expected a key of 32 bytes, found {len(raw)}")
        self._raw = raw

    @property
    def raw(self) -> bytes:
        """Give the bytes themselves."""
        return self._raw

    @override
    def __repr__(self) -> str:
        return "SecretKey(****)"


class Sealer:
    """Seal with the first key, open with any of them (AES-256-GCM).

    Sealed bytes are a version byte, a key id of 4 bytes, a nonce of 12 and the
    ciphertext with its tag: 33 bytes more than the plain ones. A random nonce
    carries 2**32 seals per key; rotate before.
    """

    def __init__(
        self,
        keys: Sequence[SecretKey],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if not keys:
            raise SecretKeyInvalid("expected at least one sealing key")
        self._keys = tuple(keys)
        self._ciphers = {_key_id(key): AESGCM(key.raw) for key in reversed(keys)}
        self._first = _key_id(keys[0])
        self._random_bytes = random_bytes

    def apart(self, purpose: bytes) -> "Sealer":
        """Seal for another purpose, with keys derived from these (HKDF, RFC 5869).

        Nothing that one of the two sealed opens with the other.
        """
        derived = [SecretKey(_derived(key, purpose)) for key in self._keys]
        return Sealer(derived, self._random_bytes)

    @property
    def header(self) -> bytes:
        """Give the bytes that everything sealed with the first key begins with."""
        return _VERSION + self._first

    @property
    def key_id(self) -> str:
        """Name the first key, in hex, without telling anything of it."""
        return self._first.hex()

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Seal bytes for one place: what `context` names, and no other, opens them."""
        header = self.header
        nonce = self._random_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self._first]
        return header + nonce + cipher.encrypt(nonce, plain, header + context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Open what was sealed with the same context; raise `SealBroken`."""
        header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        if not header.startswith(_VERSION) or len(nonce) < _NONCE_BYTES:
            raise SealBroken("expected bytes sealed in version 1")
        cipher = self._ciphers.get(header[len(_VERSION) :])
        if cipher is None:
            key_id = header[len(_VERSION) :].hex()
            raise SealBroken(f"sealed by key {key_id}, which is not among the keys")
        try:
            return cipher.decrypt(nonce, ciphertext, header + context)
        except InvalidTag:
            raise SealBroken("sealed bytes were changed or moved") from None


class BlindIndex:
    """Find a number without storing it: a keyed digest that equal numbers share.

    Its key stays when sealing keys rotate, or no number would be found again.
    """

    def __init__(self, key: SecretKey, *, _domain: bytes = _INDEX_DOMAIN) -> None:
        self._key = key
        self._domain = _domain

    def rehearsed_by(self, twin: int) -> "BlindIndex":
        """File numbers apart for one carrier's rehearsals, by the id of its twin.

        None of them meets a real one, nor one that another carrier rehearses with.
        """
        domain = _SANDBOX_INDEX_DOMAIN + twin.to_bytes(8)
        return BlindIndex(self._key, _domain=domain)

    def index(self, number: PhoneNumber) -> bytes:
        """Give the 32 bytes under which the number is filed."""
        content = self._domain + number.e164.encode("ascii")
        return hmac.digest(self._key.raw, content, hashlib.sha256)

    def fingerprint(self, request: bytes) -> bytes:
        """Give 32 bytes that equal requests share; a number inside stays hidden."""
        content = _FINGERPRINT_DOMAIN + request
        return hmac.digest(self._key.raw, content, hashlib.sha256)


def key_id_of(sealed: bytes) -> str:
    """Name the key that sealed these bytes, in hex, whether it is here or not."""
    return sealed[len(_VERSION) : _HEADER_BYTES].hex()


def generate_key() -> str:
    """Make a new key in the form that settings take."""
    return urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def parse_keys(text: str) -> tuple[SecretKey, ...]:
    """Read comma-separated keys, each base64 of 32 bytes, URL-safe or standard."""
    parts = [part.strip() for part in text.split(",")]
    if parts == [""]:
        raise SecretKeyInvalid("expected at least one key, found none")
    return tuple(
        _parse_key(part, f"key {place} of {len(parts)}")
        for place, part in enumerate(parts, start=1)
    )


def parse_key(text: str) -> SecretKey:
    """Read exactly one key, base64 of 32 bytes, URL-safe or standard."""
    return _parse_key(text.strip(), "the key")


def _parse_key(text: str, name: str) -> SecretKey:
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    padded = standard + "=" * (-len(standard) % 4)
    try:
        raw = b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise SecretKeyInvalid(f"expected {name} in base64") from None
    if len(raw) != _KEY_BYTES:
        raise SecretKeyInvalid(
            f"expected {name} to be base64 of 32 bytes, found {len(raw)}"
        )
    return SecretKey(raw)


def _derived(key: SecretKey, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(key.raw)


def _key_id(key: SecretKey) -> bytes:
    return hmac.digest(key.raw, _KEY_ID_DOMAIN, hashlib.sha256)[:_KEY_ID_BYTES]
