"""Numbers of reads, so that what a read saw can be told from what was recorded since.

A read that began before a record was committed may still return the item as waiting.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from unbind_broker.sending.payloads import Key


class ReadNumbers:
    """Number the reads of one worker in the order in which they begin."""

    def __init__(self) -> None:
        self.newest = 0
        self._under_way: set[int] = set()

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Give the number of the read that the block makes and deals out."""
        self.newest += 1
        number = self.newest
        self._under_way.add(number)
        try:
            yield number
        finally:
            self._under_way.discard(number)

    @property
    def oldest(self) -> int:
        """Give the number of the oldest read under way, or of the next one."""
        return min(self._under_way, default=self.newest + 1)


class Tombstones:
    """Remember what was recorded while reads that may not know it are under way."""

    def __init__(self, numbers: ReadNumbers) -> None:
        self._numbers = numbers
        self._stones: dict[Key, int] = {}
        self._by_age: deque[tuple[int, Key]] = deque()

    def __len__(self) -> int:
        return len(self._stones)

    def bury(self, key: Key) -> None:
        """Note that it was recorded: reads begun by now may be out of date."""
        self._purge()
        self._stones[key] = self._numbers.newest
        self._by_age.append((self._numbers.newest, key))

    def hides(self, key: Key, read: int) -> bool:
        """Tell whether a row of that read is out of date."""
        return read <= self._stones.get(key, 0)

    def _purge(self) -> None:
        oldest = self._numbers.oldest
        while self._by_age and self._by_age[0][0] < oldest:
            number, key = self._by_age.popleft()
            if self._stones.get(key) == number:
                del self._stones[key]
