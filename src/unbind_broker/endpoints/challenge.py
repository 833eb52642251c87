"""Judge whether an endpoint has answered its challenge (pure)."""

import json
from http import HTTPStatus


def challenge_fault(status: int, answer: bytes, challenge: str) -> str | None:
    """Say what is wrong with an answer to a challenge, or nothing."""
    if status != HTTPStatus.OK:
        return f"the endpoint answered {name_status(status)}; expected 200 OK"
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or "challenge" not in body:
        return "answered 200 but the body was no JSON object with the challenge"
    if body["challenge"] != challenge:
        return "answered 200 but with another challenge than the one that was sent"
    return None


def name_status(status: int) -> str:
    """Write ``404 Not Found``; a status that nobody has named stays a number."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
