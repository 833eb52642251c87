"""What can be wrong with the trail, by name."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class FaultKind(StrEnum):
    """The names of faults."""

    EVENT_CHANGED = "event_changed"  # its content is not what was sealed
    EVENT_MISSING = "event_missing"  # sealed, and gone
    EVENT_ADDED = "event_added"  # stands in a sealed range, and was not sealed there
    EVENT_REORDERED = "event_reordered"  # sealed at another place (its xid is changed)
    SEAL_ALTERED = "seal_altered"  # root, signature, leaves or chain do not hold
    SEAL_MISSING = "seal_missing"  # a gap in the numbers
    COSIGNATURE_ALTERED = "cosignature_altered"  # not the seal's, or left by nobody
    COSIGNATURE_MISSING = "cosignature_missing"  # the trail tells of it, and it is gone
    KEY_UNKNOWN = "key_unknown"  # signed by a key that is not trusted
    HISTORY_REWRITTEN = "history_rewritten"  # not the seals that were kept elsewhere
    HISTORY_TRUNCATED = "history_truncated"  # kept elsewhere, and gone at the end


@dataclass(frozen=True)
class Fault:
    """One fault; ``seal`` is the number of the seal that shows it."""

    kind: FaultKind
    seal: int
    detail: str
    event: UUID | None = None
