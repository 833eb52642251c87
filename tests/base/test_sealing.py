from base64 import b64encode, urlsafe_b64encode
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import (
    BlindIndex,
    SealBroken,
    Sealer,
    SecretKey,
    SecretKeyInvalid,
    generate_key,
    parse_key,
    parse_keys,
)

OLD, NEW, OTHER = (SecretKey(bytes([n]) * 32) for n in (1, 2, 3))
NUMBER = PhoneNumber("+8613800001234")
keys = st.binary(min_size=32, max_size=32).map(SecretKey)


@given(keys, st.binary(max_size=200), st.binary(max_size=40))
def test_sealed_bytes_open_in_their_context(
    key: SecretKey, plain: bytes, context: bytes
) -> None:
    sealer = Sealer([key])
    sealed = sealer.seal(plain, context=context)
    assert sealer.open(sealed, context=context) == plain
    assert len(sealed) == len(plain) + 33


def test_sealed_bytes_hide_the_plain_ones_and_never_repeat() -> None:
    sealer = Sealer([NEW])
    plain = b"+8613800001234"
    sealed = {sealer.seal(plain, context=b"order") for _ in range(100)}
    assert len(sealed) == 100
    assert all(plain not in one for one in sealed)


def test_layout_is_version_key_id_nonce_ciphertext() -> None:
    nonces = count(1)
    sealer = Sealer([NEW], lambda n: next(nonces).to_bytes(n, "big"))
    one, two = (sealer.seal(b"x", context=b"") for _ in range(2))
    assert one[0] == 1
    assert one[1:5] == two[1:5]
    assert one[5:17] == (1).to_bytes(12, "big")
    assert two[5:17] == (2).to_bytes(12, "big")
    assert one[1:5] != Sealer([OLD]).seal(b"x", context=b"")[1:5]


def test_first_key_seals_and_all_open() -> None:
    before = Sealer([OLD]).seal(b"plain", context=b"c")
    rotated = Sealer([NEW, OLD])
    after = rotated.seal(b"plain", context=b"c")
    assert rotated.open(before, context=b"c") == b"plain"
    assert rotated.open(after, context=b"c") == b"plain"
    assert Sealer([NEW]).open(after, context=b"c") == b"plain"
    with pytest.raises(SealBroken):
        Sealer([OLD]).open(after, context=b"c")


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    whole = Sealer([NEW, OLD])
    one, other = whole.apart(b"one"), whole.apart(b"other")
    for sealer in (whole, one, other):
        sealed = sealer.seal(b"plain", context=b"c")
        assert sealer.open(sealed, context=b"c") == b"plain"
        for stranger in {whole, one, other} - {sealer}:
            with pytest.raises(SealBroken):
                stranger.open(sealed, context=b"c")


def test_purpose_outlives_processes_and_rotation() -> None:
    before = Sealer([OLD]).apart(b"one").seal(b"plain", context=b"c")
    after = Sealer([NEW, OLD]).apart(b"one")
    assert after.open(before, context=b"c") == b"plain"
    fresh = after.seal(b"plain", context=b"c")
    assert Sealer([NEW]).apart(b"one").open(fresh, context=b"c") == b"plain"
    assert after.key_id not in {Sealer([NEW]).key_id, Sealer([OLD]).key_id}


def test_same_key_twice_is_one_key() -> None:
    sealed = Sealer([NEW, OLD, NEW]).seal(b"plain", context=b"c")
    assert Sealer([NEW]).open(sealed, context=b"c") == b"plain"


def test_unknown_key_is_named_by_its_id() -> None:
    sealed = Sealer([OTHER]).seal(b"plain", context=b"c")
    with pytest.raises(SealBroken, match=sealed[1:5].hex()):
        Sealer([NEW, OLD]).open(sealed, context=b"c")


@given(st.binary(max_size=30), st.integers(min_value=0), st.integers(0, 7))
def test_any_flipped_bit_breaks_the_seal(plain: bytes, position: int, bit: int) -> None:
    sealer = Sealer([NEW, OLD])
    changed = bytearray(sealer.seal(plain, context=b"c"))
    changed[position % len(changed)] ^= 1 << bit
    with pytest.raises(SealBroken):
        sealer.open(bytes(changed), context=b"c")


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_another_context_does_not_open(one: bytes, other: bytes) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"plain", context=one)
    if one != other:
        with pytest.raises(SealBroken):
            sealer.open(sealed, context=other)


@given(st.binary(max_size=60))
def test_noise_does_not_open(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        Sealer([NEW]).open(noise, context=b"c")


def test_cut_bytes_do_not_open() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"plain", context=b"c")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            sealer.open(sealed[:length], context=b"c")


def test_sealer_needs_a_key() -> None:
    with pytest.raises(SecretKeyInvalid):
        Sealer([])


def test_equal_numbers_share_an_index_and_others_do_not() -> None:
    index = BlindIndex(NEW)
    assert len(index.index(NUMBER)) == 32
    assert index.index(NUMBER) == BlindIndex(NEW).index(PhoneNumber(NUMBER.e164))
    numbers = [PhoneNumber(f"+861380000{n:04d}") for n in range(1000)]
    assert len({index.index(number) for number in numbers}) == 1000


def test_index_depends_on_its_key() -> None:
    assert BlindIndex(NEW).index(NUMBER) != BlindIndex(OLD).index(NUMBER)


def test_index_is_stable_over_releases() -> None:
    assert BlindIndex(SecretKey(bytes(range(32)))).index(NUMBER).hex() == (
        "8a5ef59224eb949aee070b69603211c72c781241d35fc6da558ec462f903b306"
    )


def test_each_rehearsing_carrier_files_numbers_apart() -> None:
    index = BlindIndex(NEW)
    apart = [index, index.rehearsed_by(1), index.rehearsed_by(2)]
    assert len({one.index(NUMBER) for one in apart}) == 3
    assert apart[1].index(NUMBER) == BlindIndex(NEW).rehearsed_by(1).index(NUMBER)
    assert apart[1].index(NUMBER) != BlindIndex(OLD).rehearsed_by(1).index(NUMBER)
    rehearsed = BlindIndex(SecretKey(bytes(range(32)))).rehearsed_by(7)
    assert rehearsed.index(NUMBER).hex() == (
        "67e53ccbecfa121e2efc7c75b9ab65eca8601f41bc7f348865b75c26bfbab15f"
    )


def test_generated_keys_are_read_and_distinct() -> None:
    generated = {generate_key() for _ in range(50)}
    assert len(generated) == 50
    assert len(parse_keys(",".join(generated))) == 50


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4))
def test_keys_are_read_in_either_alphabet_padded_or_not(raws: list[bytes]) -> None:
    for encode in (b64encode, urlsafe_b64encode):
        texts = [encode(raw).decode() for raw in raws]
        for written in (texts, [text.rstrip("=") for text in texts]):
            parsed = parse_keys(" , ".join(written))
            assert [key.raw for key in parsed] == raws


def test_single_key_is_read() -> None:
    text = generate_key()
    assert parse_key(f" {text}\n").raw == parse_keys(text)[0].raw


GOOD = b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one key"),
        ("  ", "at least one key"),
        (f"{GOOD},", "key 2 of 2 to be base64 of 32 bytes, found 0"),
        (f",{GOOD}", "key 1 of 2"),
        (f"{GOOD},secret!", "key 2 of 2 in base64"),
        (b64encode(b"k" * 31).decode(), "key 1 of 1 .* found 31"),
        (b64encode(b"k" * 33).decode(), "found 33"),
        (f"{GOOD} {GOOD}", "in base64"),
        ("ключ", "in base64"),
    ],
)
def test_malformed_keys_are_refused_by_place(text: str, message: str) -> None:
    with pytest.raises(SecretKeyInvalid, match=message) as caught:
        parse_keys(text)
    assert "a2tr" not in str(caught.value)
    assert "secret!" not in str(caught.value)


def test_one_key_means_one_key() -> None:
    with pytest.raises(SecretKeyInvalid):
        parse_key(f"{GOOD},{GOOD}")


def test_keys_do_not_show_when_printed() -> None:
    key = SecretKey(b"k" * 32)
    assert f"{key} {key!r}" == "SecretKey(****) SecretKey(****)"


def test_key_has_32_bytes() -> None:
    with pytest.raises(SecretKeyInvalid, match="found 16"):
        SecretKey(b"k" * 16)


def test_equal_requests_share_a_fingerprint_that_is_no_number_index() -> None:
    index = BlindIndex(SecretKey(bytes(32)))
    assert index.fingerprint(b"body") == index.fingerprint(b"body")
    assert index.fingerprint(b"body") != index.fingerprint(b"other body")
    number = PhoneNumber("+8613800001234")
    assert index.fingerprint(number.e164.encode()) != index.index(number)


def test_a_fingerprint_depends_on_the_key() -> None:
    other = BlindIndex(SecretKey(bytes(31) + b"\x01"))
    assert other.fingerprint(b"x") != BlindIndex(SecretKey(bytes(32))).fingerprint(b"x")
