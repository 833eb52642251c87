"""Answer every error as a page to read."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from unbind_broker.base.database import AWAY, is_away
from unbind_broker.base.errors import BrokerError, InvalidFields
from unbind_broker.console import cookies
from unbind_broker.console.field_faults import explain_field
from unbind_broker.console.forms import ForeignForm, UnreadableForm
from unbind_broker.console.visits import NotSignedIn, Visit, WrongRole, any_visit
from unbind_broker.console.words import CATALOGUE

log = logging.getLogger(__name__)

LOGIN = "/console/login"


class NotHere(BrokerError):
    """There is nothing under this address."""

    code = "not-found"
    title = "Nothing here"


_STATUSES: dict[type[BrokerError], int] = {
    NotHere: 404,
    InvalidFields: 422,
    ForeignForm: 403,
    UnreadableForm: 400,
}
_CONFLICT = 409

Handler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


def install_problems(app: FastAPI) -> None:
    """Turn every exception that reaches the edge into a page."""
    handlers: dict[type[Exception], Handler] = {
        NotSignedIn: _on_no_login,
        WrongRole: _on_wrong_role,
        BrokerError: _on_broker_error,
        RequestValidationError: _on_invalid,
        HTTPException: _on_http,
        Exception: _on_unexpected,
    }
    handlers |= dict.fromkeys(AWAY, _on_database)
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _on_no_login(request: Request, _: Exception) -> Response:
    """Lead to the login, and from there back to the page that was asked for."""
    fragment = "hx-request" in request.headers
    wanted = request.headers.get("hx-current-url", "") if fragment else ""
    address = LOGIN
    if request.method == "GET" and not fragment:
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{LOGIN}?next={quote(request.url.path + query, safe='')}"
    elif _path_of(wanted):
        address = f"{LOGIN}?next={quote(_path_of(wanted), safe='')}"
    answer: Response = RedirectResponse(address, status_code=303)
    if fragment:
        answer = Response(status_code=401, headers={"HX-Redirect": address})
    if cookies.SESSION in request.cookies:
        cookies.drop(request, answer, cookies.SESSION)
    return answer


def _path_of(url: str) -> str:
    at = url.find("/console")
    return url[at:] if at >= 0 else ""


async def _on_wrong_role(request: Request, _: Exception) -> Response:
    return await _page(request, 403, "wrong-role")


async def _on_broker_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BrokerError)  # noqa: S101 - registered for this class
    status, detail = _STATUSES.get(type(error), _CONFLICT), error.detail
    if isinstance(error, InvalidFields):
        visit = await _visit(request)
        detail = "; ".join(
            f"{one.pointer}: {explain_field(visit, one)}" for one in error.errors
        )
    return await _page(request, status, error.code, detail, error.title)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = error.errors()[:3]
    detail = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in found)
    return await _page(request, 422, "validation-failed", detail)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    code = "method-not-allowed" if error.status_code == 405 else "not-found"  # noqa: PLR2004 - the status itself says most
    return await _page(request, error.status_code, code)


async def _on_database(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and not is_away(error):
        return await _on_unexpected(request, error)
    log.warning("database_unavailable", extra={"error": type(error).__name__})
    answer = await _page(request, 503, "database-unavailable")
    answer.headers["Retry-After"] = "2"
    return answer


async def _on_unexpected(request: Request, error: Exception) -> Response:
    request_id = request.scope["state"].get("request_id", "")
    log.error("unexpected_error", extra={"request_id": request_id}, exc_info=error)
    return await _page(request, 500, "internal-error")


async def _page(
    request: Request, status: int, code: str, detail: str = "", title: str = ""
) -> Response:
    visit = await _visit(request)
    key = f"problem.{code}"
    known = key in CATALOGUE
    return visit.page(
        "problem.html",
        status,
        heading=visit.say(key) if known else title or visit.say("problem.other"),
        advice=visit.say(f"{key}.advice") if known else visit.say("problem.other"),
        detail=detail,
        code=code,
        status_code=status,
    )


async def _visit(request: Request) -> Visit:
    visit = request.scope["state"].get("visit")
    return visit if isinstance(visit, Visit) else await any_visit(request)
