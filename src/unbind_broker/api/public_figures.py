"""What anybody may know, worked out once a minute whoever asks."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from fastapi import Request

from unbind_broker.api.buckets import Buckets, address_of
from unbind_broker.api.connections import Connections
from unbind_broker.api.rates import RateLimited
from unbind_broker.base.clock import Clock
from unbind_broker.base.networks import network_of
from unbind_broker.statistics.figures import Period, WrongPeriod, counted_until
from unbind_broker.statistics.published import Known, read_known

MOST_DAYS_BACK = 92
USUAL_DAYS = 30
FRESH = 60.0
"""Seconds."""
_RATE, _BURST = 5.0, 60


@dataclass(frozen=True)
class Table:
    """What was read: the platforms, the days that may be asked for, how far it goes."""

    known: tuple[Known, ...]
    whole: Period
    counted_until: datetime | None


class PublicFigures:
    """Keep the table, and count how often each address asks."""

    def __init__(
        self,
        engine: Connections,
        clock: Clock,
        zone: ZoneInfo,
        ticks: Callable[[], float] = monotonic,
    ) -> None:
        """``ticks`` gives monotonic seconds."""
        self._engine = engine
        self._clock = clock
        self._zone = zone
        self._ticks = ticks
        self._askers = Buckets(_RATE, _BURST, ticks)
        self._table: Table | None = None
        self._read_at = -math.inf
        self._reading: asyncio.Task[Table] | None = None

    def require_patience(self, request: Request) -> None:
        """Count a call; raises ``RateLimited`` for an address that asks too often."""
        network = network_of(address_of(request))
        if (wait := self._askers.wait(network)) > 0:
            raise RateLimited(
                f"more than {_RATE:g} requests a second after a burst of {_BURST} came "
                "from this address",
                wait,
            )
        self._askers.spend(network)

    async def table(self) -> Table:
        """Give what was read within the last minute, of days that are over.

        All who come meanwhile share one read, and its fault: nobody stands in a queue.
        """
        last = self._today() - timedelta(days=1)
        stale = self._ticks() - self._read_at > FRESH
        if self._table is not None and not stale and self._table.whole.until == last:
            return self._table
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_anew(last))
        return await asyncio.shield(self._reading)

    def period(self, since: date | None, until: date | None) -> Period:
        """Give the days that are asked for; raises ``WrongPeriod``."""
        last = self._today() - timedelta(days=1)
        chosen_last = until or last
        usual = max(1, chosen_last.toordinal() - USUAL_DAYS + 1)
        period = Period(since or date.fromordinal(usual), chosen_last)
        first = last - timedelta(days=MOST_DAYS_BACK - 1)
        if period.until > last or (since is not None and since < first):
            raise WrongPeriod(f"days from {first} to {last} can be asked for")
        return period

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    async def _read_anew(self, last: date) -> Table:
        began = self._ticks()
        self._table = await self._read(last)
        self._read_at = began
        return self._table

    async def _read(self, last: date) -> Table:
        whole = Period(last - timedelta(days=MOST_DAYS_BACK - 1), last)
        async with self._engine.connect() as db:
            return Table(await read_known(db, whole), whole, await counted_until(db))
