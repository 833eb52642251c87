"""The table of punctuality as a page to read, in Chinese and English."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from unbind_broker.api.html_pages import environment, style
from unbind_broker.api.punctuality import CACHED, TableAsked
from unbind_broker.base.negotiation import language
from unbind_broker.statistics.published import FEWEST, of_all

LANGUAGES = ("zh", "en")

router = APIRouter(include_in_schema=False)


@router.api_route("/punctuality", methods=["GET", "HEAD"])
async def read_page(
    asked: TableAsked,
    request: Request,
    lang: Annotated[Literal["en", "zh"] | None, Query()] = None,
) -> Response:
    """Show the table in the language that is asked for, else in the reader's own."""
    table, period = asked
    spoken = ",".join(request.headers.getlist("accept-language"))
    shown = lang or language(spoken, LANGUAGES)
    text = _environment.get_template("punctuality.html").render(
        css=_STYLE.css,
        policy=_STYLE.policy,
        language=shown,
        period=period,
        first=table.whole.since,
        fewest=FEWEST,
        rows=[(one, one.over(period)) for one in table.known],
        totals=of_all(table.known, period),
    )
    headers = {
        **CACHED,
        "Vary": "Accept-Language",
        "Content-Security-Policy": _STYLE.header,
    }
    return HTMLResponse(text, headers=headers)


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"


def _count(items: int | None) -> str:
    return "—" if items is None else f"{items:,}"


_environment = environment()
_environment.filters.update(percent=_percent, count=_count)
_STYLE = style(_environment, "punctuality.css")
