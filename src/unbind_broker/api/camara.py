"""How CAMARA's APIs answer errors (Commonalities 0.5, §3): not as problem documents."""

import re
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from pydantic import Field

from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.problem_kind import ProblemKind
from unbind_broker.api.request_ids import request_id_of

PREFIX = "/number-recycling/"
CORRELATOR = re.compile(r"[a-zA-Z0-9_:;./<>{}-]{0,256}")

_AS_INVALID = frozenset({"validation-failed", "malformed-json"})
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "TIMEOUT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class CamaraError(AnswerModel):
    """An error as CAMARA's APIs answer it (``ErrorInfo``)."""

    status: int = Field(examples=[400], description="The HTTP status.")
    code: str = Field(examples=["INVALID_ARGUMENT"])
    message: str = Field(examples=["specifiedDate: expected a date such as 2025-03-01"])


def speaks_camara(request: Request) -> bool:
    """Tell whether a request is answered in CAMARA's shape, whatever comes of it."""
    return request.url.path.startswith(PREFIX)


def refuse(
    request: Request,
    status: int,
    code: str,
    message: str,
    headers: dict[str, str] | None = None,
) -> Response:
    """Write one error."""
    error = CamaraError(status=status, code=code, message=message)
    return Response(
        error.model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={**(headers or {}), **correlated(request)},
    )


def refuse_as(
    request: Request,
    kind: ProblemKind,
    detail: str,
    headers: dict[str, str] | None = None,
) -> Response:
    """Write as CAMARA's error what is a problem document elsewhere."""
    status = 400 if kind.code in _AS_INVALID else kind.status
    code = _CODES.get(status, HTTPStatus(status).name)
    return refuse(request, status, code, detail, headers)


def correlated(request: Request) -> dict[str, str]:
    """Give the header that echoes ``x-correlator``.

    Where there is none, or one that its pattern does not allow, it holds our own id.
    """
    given = request.headers.get("x-correlator")
    valid = given is not None and CORRELATOR.fullmatch(given)
    own = request_id_of(request.scope)
    return {"x-correlator": given if given is not None and valid else own}


_HEADERS = {
    "x-correlator": {
        "description": "As it was sent; else the request's id.",
        "schema": {"type": "string"},
    }
}


def camara_answers(errors: dict[int, dict[str, str]]) -> dict[int | str, Any]:
    """Describe a 200 and errors in the document: by status, code and message."""
    return {
        200: {"headers": _HEADERS},
        **{status: _described(status, codes) for status, codes in errors.items()},
    }


def _described(status: int, codes: dict[str, str]) -> dict[str, Any]:
    examples = {
        code: {"value": {"status": status, "code": code, "message": message}}
        for code, message in codes.items()
    }
    return {
        "description": HTTPStatus(status).phrase,
        "model": CamaraError,
        "headers": _HEADERS,
        "content": {"application/json": {"examples": examples}},
    }
