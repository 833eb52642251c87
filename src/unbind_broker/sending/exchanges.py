"""What came of one request, and when."""

from dataclasses import dataclass, field
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
    """What happened when during one exchange."""

    def __init__(self) -> None:
        self.started = monotonic()
        self.status: int | None = None
        self.dns_started = self.dns_ended = 0.0
        self.connect_started = self.connect_ended = 0.0
        self.first_byte = 0.0
        self.is_kept_connection = False
        self.is_second = False
        self.disclosed = False

    def ended(
        self, outcome: Outcome, error: str | None, answer: bytes = b""
    ) -> Exchange:
        """Sum the exchange up at its end."""
        connect = self.connect_ended - (self.dns_ended or self.connect_started)
        timings = Timings(
            total_ms=_ms(monotonic() - self.started),
            dns_ms=_ms(self.dns_ended - self.dns_started) if self.dns_ended else None,
            connect_ms=_ms(connect) if self.connect_ended else None,
            first_byte_ms=_ms(self.first_byte - self.started)
            if self.first_byte
            else None,
        )
        return Exchange(outcome, answer, error, timings, self.disclosed)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
