"""A receipt is checked without the broker: whatever was done to it is told."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt import PyJWS

from tests.cli.conftest import Command
from tests.support.clock import NOON
from tests.support.receipts import KEY, OTHER_KEY
from tests.support.sealing import BROKER_KEY
from unbind_broker.base.broker_key import BrokerKey, public_jwk
from unbind_broker.base.sealing import SecretKey
from unbind_broker.base.signing import sign_v1a
from unbind_broker.cli.receipt_checking import ReceiptWrong, check_receipt, read_keys
from unbind_broker.items.receipts import TYPE

STRANGER = BrokerKey(SecretKey(b"the key of somebody quite else.."))
ORDER = "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"
LINE = {
    "id": ORDER,
    "outcome": "unbound",
    "removed": 1,
    "last_bound_at": "2024-05-01T00:00:00Z",
}
BODY = json.dumps({"results": [LINE]}).encode()
SIGNED_AT = str(int(NOON.timestamp()))


def evidence(**changes: Any) -> dict[str, Any]:
    """A report as the auditors' route gives it."""
    kept = {
        "platform": "weibo",
        "item": ORDER,
        "webhook_id": "rep_1",
        "timestamp": SIGNED_AT,
        "signature": sign_v1a(KEY, "rep_1", NOON, BODY),
        "public_key": KEY.public.text,
        "body": b64encode(BODY).decode(),
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "received_at": "2026-11-20T04:00:00Z",
    }
    return {**kept, **changes}


def payload(**changes: Any) -> dict[str, Any]:
    item = {
        "platform": "weibo",
        "platform_name": "微博",
        "platform_name_en": "Weibo",
        "status": "unbound",
        "reason": None,
        "detail": None,
        "attempts": 1,
        "acknowledged_at": "2026-11-20T04:00:00Z",
        "finished_at": "2026-11-20T04:00:00Z",
        "bindings": None,
        "removed": 1,
        "kept": None,
        "restorable_until": None,
        "action_url": None,
        "late": False,
        "overdue": False,
        "evidence": {
            "sha256": hashlib.sha256(BODY).hexdigest(),
            "webhook_id": "rep_1",
            "signed_at": "2026-11-20T04:00:00Z",
        },
    }
    order = {
        "id": ORDER,
        "kind": "unbind",
        "status": "completed",
        "number": "+86138****1234",
        "owner_since": "2025-03-01",
        "cutoff": "2025-02-28T16:00:00Z",
        "scope": "previous_owner",
        "action": "detach",
        "carrier": "china-mobile",
        "carrier_name": "中国移动",
        "carrier_name_en": "China Mobile",
        "reference": None,
        "created_at": "2026-11-20T04:00:00Z",
        "held_until": None,
        "held_for": None,
        "deadline": "2026-11-27T15:59:59Z",
        "completed_at": "2026-11-20T04:00:00Z",
    }
    whole = {
        "iss": "unbind-broker",
        "iat": 1795147200,
        "version": 1,
        "previous": None,
        "order": order,
        "summary": {"total": 1, "unbound": 1},
        "sensitive": {"total": 2, "finished": 2},
        "items": [item],
        "audit": {
            "seal": 7,
            "root": "ab" * 32,
            "sealed_at": "2026-11-20T04:00:00Z",
        },
    }
    return {**whole, **changes}


def signed(
    stated: object = None,
    *,
    key: BrokerKey = BROKER_KEY,
    header: dict[str, Any] | None = None,
) -> str:
    written = json.dumps(payload() if stated is None else stated).encode()
    kept = {"typ": TYPE, "kid": key.key_id, **(header or {})}
    return PyJWS(algorithms=["EdDSA"]).encode(
        written, key.private, algorithm="EdDSA", headers=kept
    )


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def handmade(header: object, sign: Callable[[bytes], bytes]) -> str:
    signing_input = f"{part(header)}.{part(payload())}"
    return f"{signing_input}.{part(sign(signing_input.encode()))}"


def header(**changes: Any) -> dict[str, Any]:
    return {"alg": "EdDSA", "typ": TYPE, "kid": BROKER_KEY.key_id, **changes}


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [public_jwk(BROKER_KEY.public)]}))
    return path


@pytest.fixture
def verify(command: Command, tmp_path: Path, jwks: Path) -> Callable[..., Any]:
    def run(receipt: str, *options: str) -> Any:
        path = tmp_path / "receipt.jws"
        path.write_text(receipt)
        return command("receipt", "verify", str(path), "--jwks", str(jwks), *options)

    return run


def test_a_receipt_that_holds_is_told(verify: Callable[..., Any]) -> None:
    ended = verify(signed() + "\n")
    assert (ended.code, ended.err) == (0, "")
    for told in (f"valid, version 1 of {ORDER}", "+86138****1234", "Unbound", "2 of 2"):
        assert told in ended.out


def test_for_programs_it_is_json(verify: Callable[..., Any]) -> None:
    receipt = signed()
    told = json.loads(verify(receipt, "--json").out)
    assert (told["valid"], told["evidence"]) == (True, None)
    assert told["sha256"] == hashlib.sha256(receipt.encode()).hexdigest()
    assert told["receipt"] == payload()


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        (signed()[:-4] + "AAAA", "its signature does not hold"),
        (signed(key=STRANGER), "is not in the key file"),
        (
            signed(key=STRANGER, header={"kid": BROKER_KEY.key_id}),
            "its signature does not hold",
        ),
        (handmade(header(alg="none"), lambda _: b""), "this is no compact JWS"),
        (handmade(header(alg="none"), lambda _: b"x"), "must be EdDSA"),
        (
            handmade(
                header(alg="HS256"),
                lambda said: hmac.digest(BROKER_KEY.public, said, hashlib.sha256),
            ),
            "must be EdDSA",
        ),
        (
            handmade(
                header(),
                lambda said: hmac.digest(BROKER_KEY.public, said, hashlib.sha256),
            ),
            "its signature does not hold",
        ),
        (handmade(header(typ="JWT"), BROKER_KEY.sign), "it is no receipt"),
        (
            handmade(header(jwk=public_jwk(STRANGER.public)), STRANGER.sign),
            "alg, kid and typ, and nothing else",
        ),
        (handmade(header(crit=["b64"], b64=False), BROKER_KEY.sign), "nothing else"),
        (handmade(header(kid=7), BROKER_KEY.sign), "its kid must be text"),
        (handmade([], BROKER_KEY.sign), "nothing else"),
        (handmade(b"{", BROKER_KEY.sign), "the header is not JSON"),
        (signed() + ".e30", "this is no compact JWS"),
        (signed() + "garbage", "canonical base64url"),
        (signed() + "=", "this is no compact JWS"),
        (signed() + "\n" + signed(), "this is no compact JWS"),
        (signed() + "\x00", "this is no compact JWS"),
        ("", "this is no compact JWS"),
        ("回执", "this is no compact JWS"),
        (signed([]), "it is signed, but no receipt"),
        (signed(payload(iss="another")), "it is signed, but no receipt: iss"),
        (signed(payload(version=2)), "version and previous contradict"),
        (signed(payload(items=[])), "summary does not fit"),
        (signed(payload(sensitive=None)), "it is signed, but no receipt: sensitive"),
    ],
)
def test_whatever_was_done_to_it_is_one_line_and_code_1(
    verify: Callable[..., Any], receipt: str, told: str
) -> None:
    ended = verify(receipt)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert ended.err.count("\n") == 1


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_no_changed_character_goes_unnoticed(data: st.DataObject) -> None:
    receipt = signed()
    place = data.draw(st.integers(0, len(receipt) - 1))
    other = data.draw(st.characters().filter(lambda one: one != receipt[place]))
    changed = receipt[:place] + other + receipt[place + 1 :]
    keys = read_keys(json.dumps({"keys": [public_jwk(BROKER_KEY.public)]}).encode())
    with pytest.raises(ReceiptWrong):
        check_receipt(changed.encode("utf-8", "surrogatepass"), keys)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("{", "the key file is not JSON"),
        ("[]", "is no JWK set"),
        ('{"keys": {}}', "is no JWK set"),
        (
            json.dumps(
                {"keys": [{**public_jwk(STRANGER.public), "kid": BROKER_KEY.key_id}]}
            ),
            "a kid that is not its thumbprint",
        ),
        (
            json.dumps(
                {
                    "keys": [
                        {
                            "kty": "oct",
                            "k": part(b"secret"),
                            "kid": BROKER_KEY.key_id,
                        }
                    ]
                }
            ),
            "is not in the key file",
        ),
        (
            json.dumps({"keys": [{**public_jwk(BROKER_KEY.public), "x": "AAAA"}]}),
            "a key that cannot be read",
        ),
        (
            json.dumps({"keys": [{**public_jwk(BROKER_KEY.public), "crv": "X25519"}]}),
            "no Ed25519 key",
        ),
    ],
)
def test_keys_that_are_none_are_refused(
    verify: Callable[..., Any], jwks: Path, keys: str, told: str
) -> None:
    jwks.write_text(keys)
    ended = verify(signed())
    assert ended.code == 1
    assert told in ended.err


def test_a_file_that_is_missing_is_told(command: Command, jwks: Path) -> None:
    ended = command("receipt", "verify", "nowhere.jws", "--jwks", str(jwks))
    assert ended.code == 1
    assert "nowhere.jws" in ended.err


def test_what_the_receipt_says_cannot_steer_the_terminal(
    verify: Callable[..., Any],
) -> None:
    stated = payload()
    stated["items"][0]["detail"] = "\x1b[2Jgone"
    ended = verify(signed(stated))
    assert "\x1b" not in ended.out
    assert "?[2Jgone" in ended.out


def test_evidence_that_holds_is_told_with_its_key(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "page.json").write_text(json.dumps({"data": [evidence()]}))
    ended = verify(signed(), "--evidence", "page.json")
    assert ended.code == 0, ended.err
    assert "1 signed, all of them hold" in ended.out
    assert KEY.public.text in ended.out


def test_reports_that_the_receipt_does_not_name_are_checked_and_passed_over(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    besides = evidence(platform="soulmate")
    (tmp_path / "one.json").write_text(json.dumps([besides]))
    (tmp_path / "two.json").write_text(json.dumps([evidence()]))
    options = ("--evidence", "one.json", "--evidence", "two.json", "--json")
    told = json.loads(verify(signed(), *options).out)
    assert [one["platform"] for one in told["evidence"]] == ["weibo"]
    broken = evidence(platform="soulmate", public_key=OTHER_KEY.public.text)
    (tmp_path / "one.json").write_text(json.dumps([broken]))
    assert "soulmate: no v1a signature" in verify(signed(), *options).err


OTHER_BODY = json.dumps({"results": [{**LINE, "outcome": "not_bound"}]}).encode()
SAYS_ANOTHER = evidence(
    body=b64encode(OTHER_BODY).decode(),
    sha256=hashlib.sha256(OTHER_BODY).hexdigest(),
    signature=sign_v1a(KEY, "rep_1", NOON, OTHER_BODY),
)


def stating(sha256: str) -> dict[str, Any]:
    stated = payload()
    stated["items"][0]["evidence"]["sha256"] = sha256
    return stated


@pytest.mark.parametrize(
    ("stated", "given", "told"),
    [
        (payload(), [], "no evidence given has the digest"),
        (payload(), [evidence(platform="jd")], "no evidence given has the digest"),
        (payload(), [evidence(body=None)], "is not kept any more"),
        (payload(), [evidence(body="!")], "is not base64"),
        (
            payload(),
            [evidence(body=b64encode(BODY + b" ").decode())],
            "the body does not have its digest",
        ),
        (
            payload(),
            [evidence(public_key=OTHER_KEY.public.text)],
            "no v1a signature matches",
        ),
        (payload(), [evidence(public_key="whpk_")], "expected whpk_"),
        (payload(), [evidence(timestamp="1")], "no v1a signature matches"),
        (payload(), [evidence(webhook_id="rep_2")], "no v1a signature matches"),
        (payload(), [SAYS_ANOTHER], "no evidence given has the digest"),
        (stating(SAYS_ANOTHER["sha256"]), [SAYS_ANOTHER], "does not say unbound"),
        (
            payload(),
            [
                evidence(
                    webhook_id="rep_9", signature=sign_v1a(KEY, "rep_9", NOON, BODY)
                )
            ],
            "states another webhook-id or time",
        ),
        (payload(), {"results": []}, "is not what GET"),
        (payload(), [{}], "is not what GET"),
    ],
)
def test_evidence_that_does_not_hold_is_one_line_and_code_1(
    verify: Callable[..., Any],
    tmp_path: Path,
    stated: dict[str, Any],
    given: object,
    told: str,
) -> None:
    (tmp_path / "evidence.json").write_text(json.dumps(given))
    ended = verify(signed(stated), "--evidence", "evidence.json")
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_a_followers_report_names_its_leader(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    leader = ORDER.replace("9q2rs", "00000")
    body = b64decode(evidence()["body"]).replace(ORDER.encode(), leader.encode())
    digest = hashlib.sha256(body).hexdigest()
    report = evidence(
        item=leader,
        body=b64encode(body).decode(),
        sha256=digest,
        signature=sign_v1a(KEY, "rep_1", NOON, body),
    )
    (tmp_path / "evidence.json").write_text(json.dumps([report]))
    ended = verify(signed(stating(digest)), "--evidence", "evidence.json")
    assert ended.code == 0, ended.err
