"""Connections that hold no more of what a receiver says than can matter."""

from asyncio import AbstractEventLoop
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from typing_extensions import override

MOST_HEADS = 32
"""Heads of answers that may wait on a connection: some hints (1xx) and an answer."""


class BoundedConnector(aiohttp.TCPConnector):
    """Cut off whoever floods a connection with heads of answers.

    Each may be as small as a line, and all that arrive together would be taken one by
    one before anything else gets its turn. Nobody reads from a kept connection, so
    they would pile up there.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_bounded, loop=self._loop)


class _BoundedHandler(ResponseHandler):
    @override
    def feed_data(self, data: Any, size: int = 0) -> None:
        """Queue one head, or give the connection up."""
        if len(self) < MOST_HEADS:
            super().feed_data(data, size)
        elif self.exception() is None:
            self.set_exception(HttpProcessingError(message="too many heads"))
            if self.transport is not None:
                self.transport.abort()


def _bounded(loop: AbstractEventLoop) -> ResponseHandler:
    return _BoundedHandler(loop)
