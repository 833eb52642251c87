"""Let a bounded number of writes in; tell the others to come back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from unbind_broker.base.errors import BrokerError


class Overloaded(BrokerError):
    """Too many requests are being served at this moment."""

    code = "overloaded"
    title = "Too busy right now"
    headers = {"Retry-After": "1"}  # noqa: RUF012 - never changed


class Admission:
    """Count what is under way; refuse at once above ``limit`` instead of queueing."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place while a transaction runs; raises ``Overloaded`` when full."""
        if self.inside >= self.limit:
            raise Overloaded(
                f"{self.limit} requests are being served by this process already; "
                "nothing was stored, try again in a second"
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
