"""Let a bounded number of writes in; tell the others to come back."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from unbind_broker.api.rates import RateLimited
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


class SharedAdmission(Admission):
    """Give nobody more than ``of_one`` of the places, however long it keeps them."""

    def __init__(self, limit: int, of_one: int) -> None:
        super().__init__(limit)
        self.of_one = of_one
        self.taken: Counter[str] = Counter()

    @asynccontextmanager
    async def enter_as(self, whose: str) -> AsyncIterator[None]:
        """Hold a place of somebody's; raises ``RateLimited`` or ``Overloaded``."""
        if self.taken[whose] >= self.of_one:
            raise RateLimited(
                "a call of yours like this one is being served; try again when it has "
                "ended",
                1.0,
            )
        async with self.enter():
            self.taken[whose] += 1
            try:
                yield
            finally:
                self.taken[whose] -= 1
