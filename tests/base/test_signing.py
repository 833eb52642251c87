import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
import standardwebhooks
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import WebhookVerificationError

from unbind_broker.base.signing import (
    SignatureInvalid,
    SignedMessage,
    check_v1a,
    sign_v1,
    sign_v1a,
    signature_headers,
    verify_v1,
    verify_v1a,
)
from unbind_broker.base.signing_keys import PrivateKey, PublicKey, Secret

# The vectors of the Standard Webhooks specification.
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SECRET = Secret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
PRIVATE = PrivateKey.parse(
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ"
    "6p9lMicMFs6Kvg=="
)
PUBLIC = PublicKey.parse("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")
V1A = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl"
    "8EM+m7TBAg=="
)

ids = st.text(
    set(map(chr, range(0x21, 0x7F))) - {"."},
    min_size=1,
    max_size=255,
)
bodies = st.binary(max_size=300)
instants = st.integers(1, 4 * 10**9).map(lambda s: datetime.fromtimestamp(s, UTC))
secret_values = st.binary(min_size=24, max_size=64).map(Secret)
private_keys = st.binary(min_size=32, max_size=32).map(PrivateKey)


def test_v1_vector_is_reproduced() -> None:
    assert sign_v1([SECRET], ID, AT, BODY) == V1


def test_v1a_vector_is_reproduced() -> None:
    assert sign_v1a(PRIVATE, ID, AT, BODY) == V1A
    assert PRIVATE.public == PUBLIC


def test_vectors_verify() -> None:
    message = SignedMessage(ID, AT)
    assert verify_v1([SECRET], signature_headers(ID, AT, V1), BODY, AT) == message
    assert verify_v1a(PUBLIC, signature_headers(ID, AT, V1A), BODY, AT) == message


def test_headers_carry_id_whole_seconds_and_signature() -> None:
    late = AT + timedelta(microseconds=999_999)
    assert signature_headers(ID, late, V1) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": V1,
    }


@given(secret_values, ids, st.text(max_size=200))
def test_official_library_takes_what_is_signed(
    secret: Secret, webhook_id: str, body: str
) -> None:
    now = datetime.now(UTC)
    raw = body.encode()
    signature = sign_v1([secret], webhook_id, now, raw)
    library = standardwebhooks.Webhook(secret.text)
    assert signature == library.sign(webhook_id, now, body)
    headers = signature_headers(webhook_id, now, signature)
    library.verify(raw, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        library.verify(raw + b" ", headers, json_parse=False)


@given(secret_values, ids, st.text(max_size=200), instants)
def test_what_the_official_library_signs_is_taken(
    secret: Secret, webhook_id: str, body: str, at: datetime
) -> None:
    signature = standardwebhooks.Webhook(secret.text).sign(webhook_id, at, body)
    headers = signature_headers(webhook_id, at, signature)
    verify_v1([secret], headers, body.encode(), at)


def test_zone_of_the_instant_does_not_change_the_signature() -> None:
    local = AT.astimezone(timezone(timedelta(hours=8)))
    assert sign_v1([SECRET], ID, local, BODY) == V1


@given(st.lists(secret_values, min_size=1, max_size=4, unique=True), bodies)
def test_each_of_several_secrets_signs_and_each_one_verifies(
    keys: list[Secret], body: bytes
) -> None:
    signature = sign_v1(keys, ID, AT, body)
    assert len(signature.split(" ")) == len(keys)
    headers = signature_headers(ID, AT, signature)
    for key in keys:
        assert verify_v1([key], headers, body, AT).webhook_id == ID
        single = signature_headers(ID, AT, sign_v1([key], ID, AT, body))
        assert verify_v1(keys, single, body, AT).webhook_id == ID


@given(private_keys, ids, bodies, instants)
def test_v1a_round_trip(
    key: PrivateKey, webhook_id: str, body: bytes, at: datetime
) -> None:
    headers = signature_headers(webhook_id, at, sign_v1a(key, webhook_id, at, body))
    assert verify_v1a(key.public, headers, body, at) == SignedMessage(webhook_id, at)


@given(private_keys)
def test_another_key_does_not_verify(key: PrivateKey) -> None:
    headers = signature_headers(ID, AT, V1A)
    with pytest.raises(SignatureInvalid):
        verify_v1a(key.public, headers, BODY, AT)


def _verify(scheme: str, headers: Mapping[str, str], body: bytes) -> SignedMessage:
    signed_now = headers.get("webhook-timestamp", "")
    usable = signed_now.isascii() and signed_now.isdigit() and len(signed_now) < 12
    now = datetime.fromtimestamp(int(signed_now), UTC) if usable else AT
    if scheme == "v1":
        return verify_v1([SECRET], headers, body, now)
    return verify_v1a(PUBLIC, headers, body, now)


@settings(max_examples=1000)
@given(
    st.sampled_from(["v1", "v1a"]),
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "body"]),
    st.integers(0, 1000),
    st.integers(0, 7),
)
def test_any_flipped_bit_is_refused(
    scheme: str, part: str, position: int, bit: int
) -> None:
    headers = signature_headers(ID, AT, V1 if scheme == "v1" else V1A)
    body = BODY
    if part == "body":
        body = _flip(BODY, position, bit)
    else:
        raw = headers[part].encode("latin-1")
        headers[part] = _flip(raw, position, bit).decode("latin-1")
    with pytest.raises(SignatureInvalid):
        _verify(scheme, headers, body)


def _flip(raw: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[position % len(raw)] ^= 1 << bit
    return bytes(changed)


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_every_single_character_of_the_signature_counts(scheme: str) -> None:
    good = V1 if scheme == "v1" else V1A
    alphabet = string.ascii_letters + string.digits + "+/="
    for position in range(good.index(",") + 1, len(good)):
        for character in set(alphabet) - {good[position]}:
            bad = good[:position] + character + good[position + 1 :]
            with pytest.raises(SignatureInvalid):
                _verify(scheme, signature_headers(ID, AT, bad), BODY)


@settings(max_examples=500)
@given(
    st.sampled_from(["v1", "v1a"]),
    st.dictionaries(
        st.sampled_from(
            ["webhook-id", "Webhook-Timestamp", "webhook-signature", "other"]
        ),
        st.text(max_size=60)
        | st.from_regex(r"v1a?,[A-Za-z0-9+/=]{0,90}( v[0-9]+,[!-~]*)*", fullmatch=True),
    ),
    bodies,
)
@example("v1", {"webhook-id": ID, "webhook-timestamp": "9" * 400}, b"")
@example("v1a", {"webhook-id": ID, "webhook-timestamp": "٣٣"}, b"\xff")
def test_noise_raises_nothing_but_the_one_error(
    scheme: str, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(SignatureInvalid):
        _verify(scheme, headers, body)


@settings(max_examples=300)
@given(st.sampled_from(["v1", "v1a"]), st.text(max_size=40), st.data())
def test_noise_in_one_header_raises_nothing_but_the_one_error(
    scheme: str, noise: str, data: st.DataObject
) -> None:
    headers = signature_headers(ID, AT, V1 if scheme == "v1" else V1A)
    name = data.draw(st.sampled_from(sorted(headers)))
    if headers[name] != noise:
        headers[name] = noise
        with pytest.raises(SignatureInvalid):
            _verify(scheme, headers, BODY)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        " ",
        "v1",
        "v1,",
        ",abc",
        V1.replace(",", " "),
        f"{V1}  {V1}",
        f"{V1} ",
        f" {V1}",
        f"{V1}\t{V1}",
        f"nonsense {V1}",
        V1.rstrip("="),
        V1.replace("v1", "V1"),
        V1.replace("v1", "v2"),
        V1.replace("+", "-").replace("/", "_"),
        f"{V1}=",
        f"{V1}\n",
        " ".join([V1] * 17),
        "v1,é",
    ],
)
def test_signature_header_grammar_is_strict(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify_v1([SECRET], signature_headers(ID, AT, signature), BODY, AT)


def test_unknown_versions_beside_a_good_signature_are_passed_over() -> None:
    signature = f"v9,abc {V1A} v1,AAAA {V1}"
    headers = signature_headers(ID, AT, signature)
    assert verify_v1([SECRET], headers, BODY, AT).webhook_id == ID
    assert verify_v1a(PUBLIC, headers, BODY, AT).webhook_id == ID


def test_one_scheme_does_not_stand_in_for_the_other() -> None:
    with pytest.raises(SignatureInvalid):
        verify_v1a(PUBLIC, signature_headers(ID, AT, V1), BODY, AT)
    with pytest.raises(SignatureInvalid):
        verify_v1([SECRET], signature_headers(ID, AT, V1A), BODY, AT)


@pytest.mark.parametrize("missing", ["id", "timestamp", "signature"])
def test_each_header_is_needed(missing: str) -> None:
    headers = signature_headers(ID, AT, V1)
    del headers[f"webhook-{missing}"]
    with pytest.raises(SignatureInvalid, match=f"one webhook-{missing} header"):
        verify_v1([SECRET], headers, BODY, AT)


def test_header_names_are_read_in_any_case_but_once() -> None:
    headers = {n.title(): v for n, v in signature_headers(ID, AT, V1).items()}
    assert verify_v1([SECRET], headers, BODY, AT).webhook_id == ID
    with pytest.raises(SignatureInvalid, match="found 2"):
        verify_v1([SECRET], {**headers, "webhook-id": ID}, BODY, AT)


@pytest.mark.parametrize(
    "timestamp",
    ["", "x", "1614265330.0", "+1614265330", "01614265330", " 1614265330", "-1", "1e9"],
)
def test_timestamp_grammar_is_strict(timestamp: str) -> None:
    headers = {**signature_headers(ID, AT, V1), "webhook-timestamp": timestamp}
    with pytest.raises(SignatureInvalid, match="whole Unix seconds"):
        verify_v1([SECRET], headers, BODY, AT)


@pytest.mark.parametrize("webhook_id", ["", "a.b", "a b", "é", "x" * 256, "a\n"])
def test_webhook_id_grammar_is_strict(webhook_id: str) -> None:
    headers = {**signature_headers(ID, AT, V1), "webhook-id": webhook_id}
    with pytest.raises(SignatureInvalid, match="webhook-id"):
        verify_v1([SECRET], headers, BODY, AT)
    with pytest.raises(ValueError, match="webhook id"):
        sign_v1([SECRET], webhook_id, AT, BODY)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_timestamps_within_five_minutes_are_taken(seconds: int) -> None:
    now = AT + timedelta(seconds=seconds)
    message = SignedMessage(ID, AT)
    assert verify_v1([SECRET], signature_headers(ID, AT, V1), BODY, now) == message
    assert verify_v1a(PUBLIC, signature_headers(ID, AT, V1A), BODY, now) == message


@pytest.mark.parametrize("seconds", [-600, -301, 301, 600])
def test_timestamps_beyond_five_minutes_are_refused(seconds: int) -> None:
    now = AT + timedelta(seconds=seconds)
    with pytest.raises(SignatureInvalid, match="within 300 s"):
        verify_v1([SECRET], signature_headers(ID, AT, V1), BODY, now)
    with pytest.raises(SignatureInvalid, match="within 300 s"):
        verify_v1a(PUBLIC, signature_headers(ID, AT, V1A), BODY, now)


def test_tolerance_can_be_set() -> None:
    now = AT + timedelta(minutes=9)
    headers = signature_headers(ID, AT, V1)
    tolerance = timedelta(minutes=10)
    message = verify_v1([SECRET], headers, BODY, now, tolerance)
    assert message.signed_at == AT


def test_kept_evidence_is_checked_however_old() -> None:
    headers = signature_headers(ID, AT, V1A)
    assert check_v1a(PUBLIC, headers, BODY) == SignedMessage(ID, AT)
    with pytest.raises(SignatureInvalid):
        check_v1a(PUBLIC, headers, BODY + b" ")


def test_signing_refuses_what_cannot_be_verified() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        sign_v1([], ID, AT, BODY)
    with pytest.raises(ValueError, match="aware"):
        sign_v1([SECRET], ID, AT.replace(tzinfo=None), BODY)


def test_verifying_without_secrets_refuses_everything() -> None:
    with pytest.raises(SignatureInvalid):
        verify_v1([], signature_headers(ID, AT, V1), BODY, AT)
