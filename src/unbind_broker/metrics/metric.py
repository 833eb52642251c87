"""What a metric is called, what it says, and how many series it can have."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a metric behaves."""

    COUNTER = "counter"  # only rises, until the process ends
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """A metric; ``most`` is how many series it can have in one process."""

    name: str
    kind: Kind
    words: str
    labels: tuple[str, ...]
    most: int


def counter(name: str, words: str, *labels: str, most: int = 1) -> Metric:
    """Name what only rises."""
    return Metric(name, Kind.COUNTER, words, labels, most)


def gauge(name: str, words: str, *labels: str, most: int = 1) -> Metric:
    """Name what rises and falls."""
    return Metric(name, Kind.GAUGE, words, labels, most)


def histogram(name: str, words: str, *labels: str, most: int = 1) -> Metric:
    """Name what is counted by classes."""
    return Metric(name, Kind.HISTOGRAM, words, labels, most)
