"""What every answer of the console carries, and the choices kept in cookies."""

from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.console import cookies
from unbind_broker.console.visits import THEMES
from unbind_broker.console.wording import LANGUAGES

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# With `no-referrer` browsers would not say from where a form comes (Fetch §3.2).
_YEAR = 365 * 24 * 3600
_CHOICES: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("lang", cookies.LANGUAGE, LANGUAGES),
    ("theme", cookies.THEME, THEMES),
)


class Guarded:
    """Add the headers, and keep ``?lang=`` and ``?theme=`` in cookies."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        app = self.app
        scope = _without_nul(scope)
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            app = _choosing(Request(scope)) or app
        await app(scope, receive, send_guarded)


def _without_nul(scope: Scope) -> Scope:
    """Leave out the one character that no text of the database can hold."""
    query: bytes = scope.get("query_string", b"")
    while b"%00" in query:
        query = query.replace(b"%00", b"")
    path = str(scope.get("path", "")).replace("\0", "")
    if (query, path) == (scope.get("query_string", b""), scope.get("path", "")):
        return scope
    return {**scope, "query_string": query, "path": path}


def _choosing(request: Request) -> RedirectResponse | None:
    """Lead back to the page itself once a choice has been made."""
    if not request.url.query:
        return None
    asked = request.query_params
    made = [one for one in _CHOICES if asked.get(one[0]) in one[2]]
    if not made:
        return None
    names = {name for name, _, _ in _CHOICES}
    rest = [pair for pair in asked.multi_items() if pair[0] not in names]
    path = request.url.path + (f"?{urlencode(rest)}" if rest else "")
    answer = RedirectResponse(path, status_code=303)
    for name, cookie, _ in made:
        cookies.put(request, answer, cookie, asked[name], _YEAR)
    return answer
