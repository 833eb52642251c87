"""Answers whose JSON is written without a model: the views hold plain JSON already."""

import json

from fastapi import Response


def encode(value: object) -> bytes:
    """Write an answer's JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(body: bytes) -> Response:
    """Answer JSON that is written already."""
    return Response(body, media_type="application/json")
