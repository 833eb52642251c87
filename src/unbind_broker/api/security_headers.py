"""Tell browsers and caches, in every answer, what they must not do with it.

What a route says itself stands. HSTS is left to whoever ends TLS: the proxy.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TYPE, _CACHE, _POLICY = b"content-type", b"cache-control", b"content-security-policy"
_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_NO_STORE = (_CACHE, b"no-store")
OF_DATA = (
    *_EVERYWHERE,
    _NO_STORE,
    (_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
)
"""Those of an answer to somebody with a key, which is no page."""
# The API's own documentation starts itself by a script in the page, from this service.
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'"
)


class SecurityHeaders:
    """Add to every answer the fields that it lacks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_key = any(name == b"authorization" for name, _ in scope["headers"])

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = dict(message["headers"])
                wanted = _wanted(told.get(_TYPE, b""), has_key=has_key)
                lacking = [one for one in wanted if one[0] not in told]
                message["headers"] = [*message["headers"], *lacking]
            await send(message)

        await self.app(scope, receive, send_with_fields)


def _wanted(media_type: bytes, *, has_key: bool) -> tuple[tuple[bytes, bytes], ...]:
    if media_type.startswith(b"text/html"):
        page = (*_EVERYWHERE, (_POLICY, PAGE_POLICY))
        return (*page, _NO_STORE) if has_key else page
    if has_key:
        return OF_DATA
    return tuple(one for one in OF_DATA if one is not _NO_STORE)
