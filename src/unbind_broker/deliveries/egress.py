"""Whether it is not the endpoints that cannot be reached, but we who cannot. Pure."""

from datetime import datetime, timedelta

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.outcomes import OutcomeKind

LOOKING_BACK = timedelta(minutes=1)
LEAST_ENDPOINTS = 5
SUSPICIOUS_SHARE = 0.5

_NOT_REACHED = frozenset({OutcomeKind.UNREACHABLE, OutcomeKind.BLOCKED})


class Egress:
    """Watch the connections of one process.

    When more than half of its endpoints were tried in the last minute and could not be
    reached, it is presumed that its own network, or its resolver, is at fault.
    """

    def __init__(self) -> None:
        self._latest: dict[EndpointId, tuple[datetime, bool]] = {}

    def heard(self, endpoint_id: EndpointId, kind: OutcomeKind, now: datetime) -> None:
        """Note how the newest exchange with an endpoint ended."""
        if kind is not OutcomeKind.OWN_FAULT:
            self._latest[endpoint_id] = now, kind in _NOT_REACHED

    @staticmethod
    def may_be_ours(kind: OutcomeKind) -> bool:
        """Tell whether an exchange that ended so may have failed on this side."""
        return kind in _NOT_REACHED

    def is_suspect(self, now: datetime, owned: int) -> bool:
        """Tell whether this process had better not judge; it has ``owned`` endpoints.

        A few dead endpoints among many quiet ones prove nothing.
        """
        newest = [lost for at, lost in self._latest.values() if now - at < LOOKING_BACK]
        of = max(len(newest), owned)
        return of >= LEAST_ENDPOINTS and sum(newest) / of > SUSPICIOUS_SHARE
