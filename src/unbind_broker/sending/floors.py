"""From when on to look for what is due, so that reads do not walk over what was.

Rows of ``deliveries`` go when they are done. While somebody keeps an old snapshot open,
Postgres cannot clear them away, and a read from the beginning passes every one of them.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.queue import Due

FROM_THE_BEGINNING = 3.0
"""Seconds after which a read looks at everything once more: a row may have become due
in the past, as that of an order that was held."""

MARGIN = timedelta(seconds=10)
"""So long before a read a row may be due that is committed only after it."""


RECENT = timedelta(seconds=FROM_THE_BEGINNING + 1)
"""So much older than the margin is the floor of an endpoint where nothing was due."""


class Look(NamedTuple):
    """How to look whether anything is due: ``whole``, or from ``since`` on.

    Of the ``backlog`` it is known already.
    """

    whole: list[EndpointId]
    recent: list[EndpointId]
    since: datetime
    backlog: list[EndpointId]


class _Floor(NamedTuple):
    since: datetime
    until: float


class Floors:
    """Keep what the last whole read found; ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._floors: dict[EndpointId, _Floor] = {}

    def of(self, endpoint_ids: Collection[EndpointId]) -> dict[EndpointId, datetime]:
        """Say since when to look; those that are missing are to be read whole."""
        now = self._monotonic()
        kept = {one: self._floors.get(one) for one in endpoint_ids}
        return {
            one: floor.since
            for one, floor in kept.items()
            if floor is not None and now < floor.until
        }

    def look(self, now: datetime, endpoint_ids: Iterable[EndpointId]) -> Look:
        """Part endpoints by how to look for what is due there."""
        look = Look([], [], now - MARGIN - RECENT, [])
        seconds = self._monotonic()
        for one in endpoint_ids:
            floor = self._floors.get(one)
            if floor is None or seconds >= floor.until:
                look.whole.append(one)
            elif floor.since >= look.since:
                look.recent.append(one)
            else:
                look.backlog.append(one)
        return look

    def note(
        self, read_whole: Iterable[EndpointId], now: datetime, rows: Iterable[Due]
    ) -> None:
        """Take up what a read at ``now`` found: nothing older than its first rows."""
        oldest: dict[EndpointId, datetime] = {}
        for row in rows:
            endpoint_id = row.subject.endpoint_id
            oldest[endpoint_id] = min(oldest.get(endpoint_id, now), row.due_at)
        until = self._monotonic() + FROM_THE_BEGINNING
        for one in read_whole:
            self._floors[one] = _Floor(oldest.get(one, now) - MARGIN, until)
