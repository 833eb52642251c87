"""How a simulated platform behaves, drawn anew the same way from the same seed."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Traits:
    """Rates are shares between 0 and 1 of items, ``fail_rate`` of requests."""

    latency: timedelta = timedelta(milliseconds=20)  # on average, ± 50 %
    fail_rate: float = 0.0  # 5xx, 429 or a torn connection instead of an answer
    most_failures: int = 3  # for one request, counting its retries
    refuse_rate: float = 0.0  # of those with bindings
    partly_rate: float = 0.0  # of those with bindings: some are kept
    report_rate: float = 0.0  # result later, by POST /v1/results
    report_delay: timedelta = timedelta(milliseconds=300)
    interim_rate: float = 0.0  # says in_progress first (not to queries)
    late_rate: float = 0.0  # result only after the item's deadline
    contradict_rate: float = 0.0  # sends another result after its own


@dataclass(frozen=True, slots=True)
class Dice:
    """Throw dice that fall the same way for the same seed and the same question."""

    seed: int = 0

    def roll(self, *question: object) -> float:
        """Answer a number from 0 up to, but not including, 1."""
        asked = "\0".join((str(self.seed), *map(str, question))).encode()
        return int.from_bytes(blake2b(asked, digest_size=6).digest()) / 2**48
