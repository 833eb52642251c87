"""What is heard of an endpoint, and what must be told of it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints.health import Health, HealthEventKind


@dataclass(frozen=True)
class Heard:
    """What one exchange came to; ``alone``: it carried a single item.

    ``most`` is how many requests the owner allows at once. ``jitter`` is drawn from
    [0, 1).
    """

    outcome: Outcome
    alone: bool
    most: int
    started_at: datetime
    ended_at: datetime
    error: str
    jitter: float


@dataclass(frozen=True)
class Edge:
    """A change that administrators and the endpoint's owner are told, once."""

    kind: HealthEventKind
    at: datetime
    detail: str


@dataclass(frozen=True)
class News:
    """What must be written down."""

    health: Health
    edges: tuple[Edge, ...]


def speaks_for(heard: Heard) -> bool | None:
    """Tell whether it speaks for the endpoint or against it; None says nothing.

    A batch that is refused for its payload is about to be halved; refusing one item
    after the other is a fault of the endpoint's.
    """
    match heard.outcome.kind:
        case OutcomeKind.ACCEPTED:
            return True
        case OutcomeKind.OWN_FAULT:
            return None
        case OutcomeKind.PAYLOAD_REFUSED:
            return False if heard.alone else None
        case _:
            return False
