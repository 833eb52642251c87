"""What came of one request, and when."""

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.outcomes import Outcome


@dataclass(frozen=True)
class Exchange:
    """What came of one request.

    ``answer`` holds what was read of the body. ``error`` is a short phrase where
    there was no answer. ``disclosed`` tells whether the request may have left.
    """

    outcome: Outcome
    answer: bytes = field(repr=False)
    error: str | None
    timings: Timings
    disclosed: bool


class Trace:
    """What happened when during one exchange; 0 is what did not happen.

    ``dialled`` is when the first socket was made, ``connected`` when TCP stood,
    ``secured`` when TLS stood. ``limit`` is what the whole exchange may take.
    """

    def __init__(self, limit: timedelta) -> None:
        self.started = monotonic()
        self._ends = self.started + limit.total_seconds()
        self.status: int | None = None
        self.dns_started = self.dns_ended = 0.0
        self.dialled = self.connected = self.secured = 0.0
        self.first_byte = 0.0
        self.is_tls = False
        self.is_kept_connection = False
        self.is_second = False
        self.disclosed = False

    @property
    def is_too_late(self) -> bool:
        """Tell whether the time is up, even if no timer has had its turn yet.

        A process that stood still goes on where it was; its lease may be another's now.
        """
        return monotonic() >= self._ends

    def ended(
        self, outcome: Outcome, error: str | None, answer: bytes = b""
    ) -> Exchange:
        """Sum the exchange up at its end."""
        timings = Timings(
            total_ms=_ms(monotonic() - self.started),
            dns_ms=_between(self.dns_started, self.dns_ended),
            connect_ms=_between(self.dialled, self.connected),
            tls_ms=_between(self.connected, self.secured),
            first_byte_ms=_between(self.started, self.first_byte),
        )
        return Exchange(outcome, answer, error, timings, self.disclosed)


def _between(start: float, end: float) -> int | None:
    return _ms(end - start) if end else None


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
