"""Server-Sent Events (WHATWG HTML §9.2), at the pace of whoever reads them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Generic, Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from unbind_broker.api.slow_readers import in_time

log = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent: proxies cut silent connections."""
SLOWEST_READER = 30.0
"""Seconds that a piece may take to leave; who does not read in time is cut off, and
may come back and read on."""
LARGEST_PIECE = 64 * 1024
"""Bytes."""
COMMENT = b":\n\n"

_HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization",
    "X-Accel-Buffering": "no",  # nginx would gather events before it passes them on
}


def event(kind: str, event_id: str, data: bytes) -> bytes:
    """Write one event; ``data`` is JSON without line breaks."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), event_id.encode(), data)


def retry(milliseconds: int) -> bytes:
    """Tell how long to wait before coming back."""
    return b"retry: %d\n\n" % milliseconds


def pieces(events: Iterable[bytes]) -> Iterator[bytes]:
    """Put events together, so that one write carries many."""
    gathered = bytearray()
    for one in events:
        gathered += one
        if len(gathered) >= LARGEST_PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


class Subscription(Protocol):
    """What a stream is made from."""

    def end(self) -> None:
        """Tell nothing more: whoever read it has gone."""


Subscribed = TypeVar("Subscribed", bound=Subscription)


class EventStream(Response, Generic[Subscribed]):
    """Answer with events for as long as there are any.

    ``telling`` gives pieces, the first of them before anything is sent: what it raises
    until then is answered as from any other route. If it gives none there is nothing to
    come, and the answer is 204, at which clients stop coming back. The next piece is
    made when the one before has left, so that a slow reader costs no memory.
    """

    media_type: str | None = MEDIA_TYPE
    slowest_reader = SLOWEST_READER

    def __init__(
        self,
        subscribing: AbstractAsyncContextManager[Subscribed],
        telling: Callable[[Subscribed], AsyncGenerator[bytes]],
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._subscribing = subscribing
        self._telling = telling

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until everything is told, or the reader has gone."""
        async with self._subscribing as subscription:
            leaving = asyncio.create_task(_until_gone(receive))
            leaving.add_done_callback(lambda _: subscription.end())
            try:
                async with aclosing(self._telling(subscription)) as told:
                    await self._send_all(told, scope, receive, send)
            finally:
                leaving.cancel()

    async def _send_all(
        self, told: AsyncGenerator[bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        send_in_time = in_time(send, self.slowest_reader)
        first = await anext(told, None)
        try:
            if first is None:
                nothing = Response(status_code=204, headers=_HEADERS)
                await nothing(scope, receive, send_in_time)
                return
            await send_in_time(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": self.raw_headers,
                }
            )
            await send_in_time(_body(first, more=True))
            async for piece in told:
                await send_in_time(_body(piece, more=True))
            await send_in_time(_body(b"", more=False))
        except TimeoutError:
            log.info("reader_too_slow")


def _body(piece: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
