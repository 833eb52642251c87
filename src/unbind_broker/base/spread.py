"""How values are spread over classes: what a histogram is made of."""

from bisect import bisect_left
from collections.abc import Sequence


class Spread:
    """Count values by class; each class includes its upper bound.

    The last class, above all bounds, is counted too.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value, as often as it was seen."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times
