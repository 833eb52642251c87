"""A carrier that asks for one number and follows what becomes of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.client import Client, Consent, Order, Question, Unbinding

NUMBER = "+8613800000234"
"""From the made-up range: it belongs to nobody, and no answer about it is fixed."""
POLL = 0.25
OPEN = ("queued", "acknowledged", "in_progress", "action_required")
HELD_SINCE = timedelta(days=60)
REFERENCE = "demo"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a query or an order stands. Sensitive platforms are only counted."""

    order: Order

    @property
    def counts(self) -> Counter[str]:
        """Count the named items by status."""
        summary = self.order.summary
        return Counter({key: n for key, n in summary.items() if key != "total"})

    @property
    def total(self) -> int:
        """Count all items, those of sensitive platforms too."""
        return self.order.summary["total"] + self.order.sensitive.total

    @property
    def final(self) -> int:
        """Count the items that have their final status."""
        waiting = sum(self.counts[status] for status in OPEN)
        return self.order.summary["total"] - waiting + self.order.sensitive.finished

    @property
    def is_done(self) -> bool:
        """Tell whether the broker has closed it with every item final."""
        return self.order.status == "completed" and self.final == self.total > 0


class Carrier:
    """Ask, as a carrier's back end would."""

    def __init__(self, broker: Client, platforms: list[str] | None) -> None:
        self._broker = broker
        self._platforms = platforms

    async def query(self, now: datetime) -> Standing:
        """Ask which bindings the number of the demonstration has."""
        question = Question(
            number=NUMBER,
            owner_since=(now - HELD_SINCE).date(),
            consent=Consent("sms_otp", now),
            platforms=self._platforms,
            reference=REFERENCE,
        )
        return Standing(await self._broker.queries.place(question))

    async def order(self, now: datetime) -> Standing:
        """Have them detached."""
        unbinding = Unbinding(
            number=NUMBER,
            owner_since=(now - HELD_SINCE).date(),
            consent=Consent("sms_otp", now),
            platforms=self._platforms,
            reference=REFERENCE,
        )
        return Standing(await self._broker.orders.place(unbinding))

    async def follow(
        self, standing: Standing, patience: float
    ) -> AsyncIterator[Standing]:
        """Tell how it stands until it is done, or ``patience`` seconds are over."""
        is_query = standing.order.kind == "query"
        placed = self._broker.queries if is_query else self._broker.orders
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        yield standing
        while not standing.is_done and clock() < end:
            await asyncio.sleep(POLL)
            standing = Standing(await placed.get(standing.order.id))
            yield standing
