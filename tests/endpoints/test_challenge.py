import json

import pytest

from unbind_broker.endpoints.challenge import challenge_fault, name_status

CHALLENGE = "c-1"


def test_same_challenge_passes() -> None:
    answer = json.dumps({"challenge": CHALLENGE, "more": 1}).encode()
    assert challenge_fault(200, answer, CHALLENGE) is None


@pytest.mark.parametrize("status", [201, 204, 301, 401, 404, 500])
def test_other_status_is_named(status: int) -> None:
    fault = challenge_fault(status, b'{"challenge": "c-1"}', CHALLENGE)
    assert fault == f"the endpoint answered {name_status(status)}; expected 200 OK"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ok",
        b"c-1",
        b'"c-1"',
        b"[]",
        b"{}",
        b"null",
        b'{"challenge": "c-1"',
        b"\xff\xfe",
        b"[" * 16_000,
    ],
)
def test_body_without_a_challenge_is_told(answer: bytes) -> None:
    fault = challenge_fault(200, answer, CHALLENGE)
    assert fault == "answered 200 but the body was no JSON object with the challenge"


@pytest.mark.parametrize("challenge", ["c-2", "C-1", None, 1, ["c-1"]])
def test_another_challenge_is_told(challenge: object) -> None:
    answer = json.dumps({"challenge": challenge}).encode()
    fault = challenge_fault(200, answer, CHALLENGE)
    assert fault == "answered 200 but with another challenge than the one that was sent"


@pytest.mark.parametrize(
    ("status", "name"), [(404, "404 Not Found"), (200, "200 OK"), (799, "799")]
)
def test_status_is_written_with_its_name(status: int, name: str) -> None:
    assert name_status(status) == name
