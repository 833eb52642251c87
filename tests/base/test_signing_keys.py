from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.signing_keys import (
    PrivateKey,
    PublicKey,
    Secret,
    SigningKeyInvalid,
)

KEY = bytes(range(32))


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


@given(st.binary(min_size=24, max_size=64))
def test_secret_reads_back_what_it_writes(raw: bytes) -> None:
    secret = Secret(raw)
    assert secret.text == f"whsec_{b64(raw)}"
    assert Secret.parse(secret.text) == secret
    assert Secret.parse(secret.text).key == raw


@given(st.binary(min_size=32, max_size=32))
def test_key_pair_reads_back_what_it_writes(seed: bytes) -> None:
    private = PrivateKey(seed)
    again = PrivateKey.parse(private.text)
    assert again.text == private.text
    assert PublicKey.parse(private.public.text) == again.public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        b64(KEY),
        f"whpk_{b64(KEY)}",
        f"WHSEC_{b64(KEY)}",
        f"whsec_{b64(KEY).rstrip('=')}",
        f"whsec_{b64(KEY)}=",
        f"whsec_ {b64(KEY)}",
        f"whsec_{b64(KEY)}\n",
        f"whsec_{b64(KEY)[:-2]}9=",  # spare bits set
        "whsec_" + "_-_-" * 10,
        "whsec_é",
        f"whsec_{b64(KEY[:23])}",
        f"whsec_{b64(KEY * 2 + b'x')}",
    ],
)
def test_malformed_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(SigningKeyInvalid) as caught:
        Secret.parse(text)
    assert b64(KEY)[:8] not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "whpk_", f"whsec_{b64(KEY)}", f"whpk_{b64(KEY[:31])}", "whpk_???"]
)
def test_malformed_public_key_is_refused(text: str) -> None:
    with pytest.raises(SigningKeyInvalid):
        PublicKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"whpk_{b64(KEY)}",
        f"whsk_{b64(KEY)}",  # seed without its public key
        f"whsk_{b64(KEY[:16])}",
        f"whsk_{b64(KEY * 2)}",  # somebody else's public key
    ],
)
def test_malformed_private_key_is_refused(text: str) -> None:
    with pytest.raises(SigningKeyInvalid):
        PrivateKey.parse(text)


def test_secrets_and_private_keys_do_not_show_when_printed() -> None:
    for held in (Secret(KEY), PrivateKey(KEY)):
        assert b64(KEY)[:6] not in f"{held} {held!r}"
        assert "****" in repr(held)


def test_secrets_compare_by_value() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret(KEY[::-1])
    assert Secret(KEY) != KEY
