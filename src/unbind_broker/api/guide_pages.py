"""Guides to read, beside the API's own pages."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from unbind_broker.api.guide import (
    CONTENT_SECURITY_POLICY,
    LANGUAGES,
    PAGES,
    render,
)
from unbind_broker.api.problems import NotFound
from unbind_broker.base.negotiation import language

router = APIRouter(include_in_schema=False)
_READING = ["GET", "HEAD"]


@router.api_route("/", methods=_READING)
async def lead_to_docs() -> Response:
    """Lead whoever opens the bare address in a browser to what there is to read."""
    return RedirectResponse("/docs")


@router.api_route("/docs/{page}", methods=_READING)
async def read_guide(
    page: str,
    request: Request,
    lang: Annotated[Literal["en", "zh"] | None, Query()] = None,
) -> Response:
    """Show a guide in the language that is asked for, else in the reader's own."""
    if page not in PAGES:
        raise NotFound(f"there is no such guide; there are {', '.join(PAGES)}")
    spoken = ",".join(request.headers.getlist("accept-language"))
    text = render(page, lang or language(spoken, LANGUAGES))
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers |= {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, headers=headers)
