"""Answer every error as a problem document (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from unbind_broker.api.camara import refuse_as, speaks_camara
from unbind_broker.api.problem_kinds import KINDS, ProblemKind
from unbind_broker.api.request_ids import request_id_of
from unbind_broker.base.database import AWAY, is_away
from unbind_broker.base.errors import BrokerError, FieldError
from unbind_broker.base.numbers import clean_free_text

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class WrongField(BaseModel):
    """One wrong field; ``pointer`` is a JSON Pointer (RFC 6901) into the body."""

    pointer: str = Field(examples=["/owner_since"])
    detail: str = Field(examples=["expected a date such as 2025-03-01"])


class Problem(BaseModel):
    """A problem document (RFC 9457 §3)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(examples=["/problems/validation-failed"])
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[WrongField] | None = None


class NotFound(BrokerError):
    """There is no such resource, or it is another party's."""

    code = "not-found"
    title = "Nothing here"


def install_problems(app: FastAPI) -> None:
    """Turn every exception that reaches the edge into a problem document."""
    app.add_exception_handler(BrokerError, _on_broker_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for away in AWAY:
        app.add_exception_handler(away, _on_database)
    app.add_exception_handler(Exception, _on_unexpected)


def problem(
    request: Request,
    kind: ProblemKind,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Write one problem document, or CAMARA's error under its paths."""
    request.scope.setdefault("state", {})["problem"] = kind.code
    if speaks_camara(request):
        return refuse_as(request, kind, detail, headers)
    document = Problem(
        type=f"/problems/{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        code=kind.code,
        request_id=request_id_of(request.scope),
        errors=[WrongField(pointer=e.pointer, detail=e.detail) for e in errors] or None,
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Describe these problems in the OpenAPI document, grouped by status."""
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in (KINDS[code] for code in codes):
        answer = answers.setdefault(
            kind.status,
            {
                "description": HTTPStatus(kind.status).phrase,
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        answer["content"][MEDIA_TYPE]["examples"][kind.code] = {
            "summary": kind.title,
            "value": {
                "type": f"/problems/{kind.code}",
                "title": kind.title,
                "status": kind.status,
                "detail": kind.meaning,
                "code": kind.code,
                "request_id": "0199f3c2-5b1e-7c55-9f0e-2f7a5a0c1d11",
            },
        }
    return answers


ANY_CALL = (
    "unauthenticated",
    "wrong-role",
    "suspended",
    "validation-failed",
    "rate-limited",
    "too-many-failed-keys",
    "database-unavailable",
)
"""What every call with a key can be answered."""

ANY_BODY = (
    *ANY_CALL,
    "malformed-json",
    "request-timeout",
    "body-too-large",
    "unsupported-media-type",
)
"""What every call with a key and a body can be answered."""


async def _on_broker_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BrokerError)  # noqa: S101 - registered for this class
    kind = KINDS.get(error.code)
    if kind is None:
        return await _on_unexpected(request, error)
    return problem(
        request, kind, error.detail, error.errors, getattr(error, "headers", None)
    )


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request, KINDS["malformed-json"], "the body is not valid JSON")
    errors = tuple(
        FieldError(_pointer(item["loc"]), _words(item["type"], item["msg"]))
        for item in found[:50]
    )
    detail = "; ".join(
        f"{wrong.pointer or 'the body'}: {wrong.detail}" for wrong in errors[:3]
    )
    return problem(request, KINDS["validation-failed"], detail, errors)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    match error.status_code:
        case 400:
            kind = KINDS["malformed-json"]
        case 405:
            kind = KINDS["method-not-allowed"]
        case 404:
            kind = KINDS["not-found"]
        case _:
            return await _on_unexpected(request, error)
    headers = dict(error.headers) if error.headers else None
    return problem(request, kind, kind.meaning, headers=headers)


async def _on_database(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and not is_away(error):
        return await _on_unexpected(request, error)
    log.warning("database_unavailable", extra={"error": type(error).__name__})
    return problem(
        request,
        KINDS["database-unavailable"],
        "the database cannot be reached; if this was a write, repeat it with the same "
        "Idempotency-Key: it may have been stored",
        headers={"Retry-After": "2"},
    )


async def _on_unexpected(request: Request, error: Exception) -> Response:
    log.error(
        "unexpected_error",
        extra={"request_id": request_id_of(request.scope)},
        exc_info=error,
    )
    kind = KINDS["internal-error"]
    return problem(request, kind, kind.meaning)


def _pointer(location: tuple[int | str, ...]) -> str:
    """Point at a field; one that there is not has a name that may hold anything."""
    where, *rest = location
    steps = rest if where == "body" else [where, *rest]
    return "".join(
        f"/{clean_free_text(str(step)).replace('~', '~0').replace('/', '~1')}"
        for step in steps
    )


_OBJECT = "expected an object"
_WORDS = {
    "missing": "this field is required",
    "extra_forbidden": "there is no such field",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
}
"""Where pydantic speaks of itself or of Python."""


def _words(kind: str, message: str) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    message = message.removeprefix("Value error, ").replace(" after validation", "")
    return message[:1].lower() + message[1:]
