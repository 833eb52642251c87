"""The pages behind the ``type`` of every problem."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from unbind_broker.api.problem_kinds import KINDS, ProblemKind
from unbind_broker.api.problems import NotFound, problems

router = APIRouter(prefix="/problems", tags=["problems"])

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title} · unbind-broker</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 48rem; margin: 3rem auto;
  padding: 0 1rem; }}
code, td:first-child {{ font-family: ui-monospace, monospace; }}
table {{ border-collapse: collapse; width: 100%; }}
span {{ opacity: .7; font-size: .9em; }}
td {{ border-top: 1px solid #8884; padding: .4rem .6rem .4rem 0; vertical-align: top; }}
h1 {{ word-break: keep-all; }}
@media (max-width: 34rem) {{
  tr, td {{ display: block; padding: 0; border: 0; }}
  tr {{ padding: .5rem 0; border-top: 1px solid #8884; }}
}}
</style></head><body>{body}</body></html>
"""


@router.get("", summary="List every problem type", response_class=HTMLResponse)
async def list_problem_types() -> HTMLResponse:
    """Show every problem type that the service can answer, as a page to read."""
    rows = "".join(
        f'<tr><td><a href="/problems/{kind.code}">{kind.code}</a></td>'
        f"<td>{kind.status}</td><td>{escape(kind.title)}<br>"
        f'<span lang="zh-CN">{escape(kind.meaning_zh)}</span></td></tr>'
        for kind in sorted(KINDS.values(), key=lambda kind: (kind.status, kind.code))
    )
    body = f"<h1>Problem types · 错误类型</h1><table>{rows}</table>"
    return HTMLResponse(_PAGE.format(title="Problem types", body=body))


@router.get(
    "/{code}",
    summary="Explain a problem type",
    response_class=HTMLResponse,
    responses=problems("not-found"),
)
async def explain_problem_type(code: str) -> HTMLResponse:
    """Explain one problem type in English and Chinese, as a page to read."""
    kind = KINDS.get(code)
    if kind is None:
        raise NotFound("there is no such problem type; see /problems for all of them")
    return HTMLResponse(_PAGE.format(title=escape(kind.title), body=_body(kind)))


def _body(kind: ProblemKind) -> str:
    return (
        f"<h1>{escape(kind.title)}</h1>"
        f"<p><code>{kind.code}</code> · HTTP {kind.status}</p>"
        f"<p>{escape(kind.meaning)}</p>"
        f'<p lang="zh-CN">{escape(kind.meaning_zh)}</p>'
        '<p><a href="/problems">All problem types · 全部错误类型</a></p>'
    )
