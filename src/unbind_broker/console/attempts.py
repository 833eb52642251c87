"""Slow down whoever tries keys: failed logins are counted per address, in memory."""

from collections import OrderedDict
from datetime import datetime, timedelta

from unbind_broker.base.networks import network_of

MOST_FAILURES = 20
"""At once; one more is let through whenever ``EACH`` has passed."""
EACH = timedelta(seconds=3)
MOST_ADDRESSES = 10_000
WRITTEN_EVERY = timedelta(minutes=1)


class Attempts:
    """Failed logins of one process."""

    def __init__(self) -> None:
        self._free_at: OrderedDict[str, datetime] = OrderedDict()
        self._unwritten = 0
        self._written_at: datetime | None = None

    def wait(self, address: str, now: datetime) -> timedelta:
        """Tell how long this address has to wait; zero: it may try."""
        free_at = self._free_at.get(network_of(address), now)
        return max(timedelta(0), free_at - now - EACH * (MOST_FAILURES - 1))

    def failed(self, address: str, now: datetime) -> int:
        """Count a failure; return how many the audit trail is to be told of, or 0.

        It is told once a minute at most, so that nobody floods it.
        """
        network = network_of(address)
        before = max(now, self._free_at.get(network, now))
        self._free_at[network] = before + EACH
        self._free_at.move_to_end(network)
        if len(self._free_at) > MOST_ADDRESSES:
            self._free_at.popitem(last=False)
        self._unwritten += 1
        if self._written_at is not None and now - self._written_at < WRITTEN_EVERY:
            return 0
        told, self._unwritten, self._written_at = self._unwritten, 0, now
        return told
