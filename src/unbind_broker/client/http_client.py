"""The HTTP client by which carriers, and the demo, call a broker."""

from typing import Any

import httpx
from typing_extensions import override

_ASKED_OF_NO_SOCKET = "getpeername"


class HttpClient(httpx.AsyncClient):
    """An ``httpx.AsyncClient`` whose errors are httpx's on uvloop too.

    A connection that the other side resets as soon as it is open has no socket left
    when anyio asks uvloop's transport for it, and an ``AttributeError`` comes out.
    Nothing was sent by then, so that it is a ``ConnectError``.
    """

    @override
    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        """Send as ``httpx.AsyncClient.send``; raises ``httpx.RequestError``."""
        try:
            return await super().send(request, **how)
        except AttributeError as error:
            if error.name != _ASKED_OF_NO_SOCKET:
                raise
            raise httpx.ConnectError(
                "the connection was reset as soon as it was open", request=request
            ) from error
