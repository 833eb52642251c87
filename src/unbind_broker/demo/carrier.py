"""A carrier that asks for one number and follows what becomes of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from unbind_broker.base.instants import show_instant
from unbind_broker.demo.broker_client import BrokerClient

NUMBER = "+8613800001234"
"""From the made-up range: it belongs to nobody."""
POLL = 0.25
OPEN = ("queued", "acknowledged", "in_progress", "action_required")
HELD_SINCE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a query or an order stands. Sensitive platforms are only counted."""

    resource: dict[str, Any]

    @property
    def counts(self) -> Counter[str]:
        """Count the named items by status."""
        summary = self.resource["summary"]
        return Counter({key: n for key, n in summary.items() if key != "total"})

    @property
    def total(self) -> int:
        """Count all items, those of sensitive platforms too."""
        total: int = self.resource["summary"]["total"] + self.sensitive[0]
        return total

    @property
    def final(self) -> int:
        """Count the items that have their final status."""
        waiting = sum(self.counts[status] for status in OPEN)
        return self.total - waiting - self.sensitive[0] + self.sensitive[1]

    @property
    def sensitive(self) -> tuple[int, int]:
        """Count the sensitive platforms' items, and the finished ones among them."""
        folded = self.resource["sensitive"]
        return folded["total"], folded["finished"]

    @property
    def is_done(self) -> bool:
        """Tell whether the broker has closed it with every item final."""
        done = self.resource["status"] == "completed"
        return done and self.final == self.total > 0


class Carrier:
    """Ask, as a carrier's back end would."""

    def __init__(self, client: BrokerClient, platforms: list[str] | None) -> None:
        self._client = client
        self._platforms = platforms

    async def ask(self, path: str, now: datetime) -> Standing:
        """Place a query or an order about the number of the demonstration."""
        called = await self._client.call("POST", path, self.asking(now))
        return Standing(called.body)

    def asking(self, now: datetime) -> dict[str, Any]:
        """Write what is asked."""
        body: dict[str, Any] = {
            "number": NUMBER,
            "owner_since": (now - HELD_SINCE).date().isoformat(),
            "consent": {"method": "sms_otp", "at": show_instant(now)},
            "reference": "demo",
        }
        if self._platforms is not None:
            body["platforms"] = self._platforms
        return body

    async def follow(
        self, path: str, standing: Standing, patience: float
    ) -> AsyncIterator[Standing]:
        """Tell how it stands until it is done, or ``patience`` seconds are over."""
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        yield standing
        while not standing.is_done and clock() < end:
            await asyncio.sleep(POLL)
            resource = await self._client.get(f"{path}/{standing.resource['id']}")
            standing = Standing(resource)
            yield standing
