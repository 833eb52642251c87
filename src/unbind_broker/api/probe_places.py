"""Bound what owners can have posted while they wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from unbind_broker.api.admission import Overloaded
from unbind_broker.api.rates import RateLimited
from unbind_broker.base.ids import EndpointId

MOST_PROBES = 32


class ProbePlaces:
    """One probe per endpoint at a time, and a bounded number per process."""

    def __init__(self, limit: int = MOST_PROBES) -> None:
        self.limit = limit
        self._taken: set[EndpointId] = set()

    @contextmanager
    def take(self, endpoint_id: EndpointId) -> Iterator[None]:
        """Hold a place while a probe runs; raises ``RateLimited`` or ``Overloaded``."""
        if endpoint_id in self._taken:
            raise RateLimited("this endpoint is being verified or tested already", 1.0)
        if len(self._taken) >= self.limit:
            raise Overloaded("too many endpoints are being verified; try again")
        self._taken.add(endpoint_id)
        try:
            yield
        finally:
            self._taken.discard(endpoint_id)
