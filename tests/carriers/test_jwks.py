"""Which keys a carrier can attest with."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from tests.support.attestations import jwk_of
from unbind_broker.base.errors import InvalidFields
from unbind_broker.carriers.jwks import MOST_KEYS, checked_jwks, find_key, key_ids

EDWARDS = Ed25519PrivateKey.from_private_bytes(b"an attesting key of thirty-two b")
CURVE = ec.derive_private_key(20261121, ec.SECP256R1())
ED = jwk_of(EDWARDS, "ed")
EC = jwk_of(CURVE, "ec")


def fault(*keys: object) -> str:
    with pytest.raises(InvalidFields) as raised:
        checked_jwks({"keys": list(keys)})
    return raised.value.errors[0].pointer


def test_both_kinds_of_keys_are_taken_and_found_by_their_kid() -> None:
    jwks = checked_jwks({"keys": [{**ED, "use": "sig", "alg": "EdDSA"}, EC]})
    assert key_ids(jwks) == ["ed", "ec"]
    assert find_key(jwks, "ed") == ("EdDSA", EDWARDS.public_key())
    found = find_key(jwks, "ec")
    assert found is not None
    assert found[0] == "ES256"
    assert find_key(jwks, "other") is None
    assert find_key(jwks, None) is None


def test_an_empty_set_takes_the_keys_away() -> None:
    assert key_ids(checked_jwks({"keys": []})) == []
    assert key_ids(None) == []


@pytest.mark.parametrize(
    "key",
    [
        OKPAlgorithm.to_jwk(EDWARDS, as_dict=True) | {"kid": "private"},
        {**ED, "kid": ""},
        {**ED, "kid": 7},
        {name: value for name, value in ED.items() if name != "kid"},
        {**ED, "alg": "ES256"},
        {**ED, "use": "enc"},
        {**ED, "x": "AAAA"},
        {**ED, "x": "é"},
        {**ED, "x5u": "https://keys.example.com"},
        {**ED, "crv": "X25519"},
        {**EC, "y": EC["x"]},
        {**EC, "crv": "P-384"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        "a key",
    ],
    ids=range(14),
)
def test_other_keys_are_refused(key: Any) -> None:
    assert fault(key) == "/jwks/keys/0"


def test_rsa_keys_are_refused() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert fault(RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": "rsa"})


@pytest.mark.parametrize(
    "strange",
    [
        {"kid": "a\0"},
        {"kid": "a\ud800"},
        {"y": {}},
        {"key_ops": "verify"},
        {"key_ops": ["\0"]},
        {"key_ops": [float("nan")]},
        {"key_ops": ["verify"] * 9},
        {"key_ops": [[[]]]},
    ],
)
def test_what_no_row_can_hold_is_refused(strange: dict[str, object]) -> None:
    assert fault({**ED, **strange}) == "/jwks/keys/0"


def test_operations_are_taken() -> None:
    assert key_ids(checked_jwks({"keys": [{**ED, "key_ops": ["verify"]}]})) == ["ed"]


def test_a_kid_names_one_key() -> None:
    assert fault(ED, {**EC, "kid": "ed"}) == "/jwks/keys/1"


def test_a_set_has_a_bounded_number_of_keys() -> None:
    keys = [{**ED, "kid": str(place)} for place in range(MOST_KEYS + 1)]
    assert fault(*keys) == "/jwks/keys"


@pytest.mark.parametrize("value", [{}, {"keys": {}}, {"keys": [], "more": 1}])
def test_what_is_no_set_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(InvalidFields):
        checked_jwks(value)
