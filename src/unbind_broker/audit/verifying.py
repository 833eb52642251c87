"""Check the whole trail against its seals, in bounded memory.

What this cannot know by itself: whether somebody who holds the broker's signing key, or
can name another key as trusted, has sealed a rewritten trail anew. Against that, seals
and public keys are kept elsewhere and given as anchors.
"""

from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from unbind_broker.audit import store
from unbind_broker.audit.comparing import Compared, compare, name_faults
from unbind_broker.audit.faults import Fault, FaultKind
from unbind_broker.audit.hashing import Event, tree_root
from unbind_broker.audit.seals import (
    LEAF_BYTES,
    NO_PREVIOUS,
    START,
    Leaf,
    Position,
    Seal,
    is_signed,
    unpack_leaves,
)
from unbind_broker.audit.witnessing import cosignature_faults
from unbind_broker.base.database import Db

_PAGE = 5_000
_SEALS = 50


@dataclass(frozen=True)
class Anchors:
    """What is trusted: keys by their ids, and digests of seals that were kept."""

    keys: Mapping[str, bytes]
    kept: Mapping[int, bytes] = field(default_factory=dict)


@dataclass
class Summary:
    """How much was looked at; ``unsealed`` events are newer than the last seal."""

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    faults: int = 0
    last: Seal | None = None
    signed_by: Counter[str] = field(default_factory=Counter)


class Verifier:
    """Walk over the trail once; ``summary`` is complete when ``faults`` has ended.

    With ``behind`` only what comes behind that seal is looked at, which is believed.
    """

    def __init__(self, db: Db, anchors: Anchors, behind: Seal | None = None) -> None:
        self.summary = Summary(last=behind)
        self._db = db
        self._anchors = anchors
        self._rewritten: list[int] = []

    async def faults(self) -> AsyncIterator[Fault]:
        """Name every fault, in the order of seals, then those of cosignatures."""
        for found in (self._walk(), cosignature_faults(self._db)):
            async for fault in found:
                self.summary.faults += 1
                yield fault

    async def _walk(self) -> AsyncIterator[Fault]:
        summary = self.summary
        moved: set[UUID] = set()
        last = await store.load_last_seal(self._db)
        begin = summary.last.last if summary.last else START
        stream = _EventStream(self._db, begin, last.last if last else START)
        async for seal, packed in self._seals(last):
            previous = summary.last
            expected = previous.number + 1 if previous else 1
            for fault in self._seal_faults(seal, previous, expected):
                yield fault
            leaves = unpack_leaves(packed)
            intact = _is_intact(seal, leaves, packed)
            compared = await compare(
                seal,
                leaves,
                stream.upto(seal.last),
                moved,
                after_gap=seal.number > expected,
            )
            if not intact:
                yield _astray(compared)
            if intact or compared.tree.root() != seal.root:
                async for fault in name_faults(self._db, compared):
                    if fault.kind is FaultKind.EVENT_REORDERED and fault.event:
                        moved.add(fault.event)
                    yield fault
            summary.last = seal
            summary.seals += 1
            summary.events += compared.tree.leaves
            summary.signed_by[seal.key_id] += 1
        summary.unsealed = await store.count_behind(
            self._db, summary.last.last if summary.last else START
        )
        for fault in self._ending():
            yield fault

    async def _seals(self, last: Seal | None) -> AsyncIterator[tuple[Seal, bytes]]:
        """Read the seals that there were at the beginning; more may come meanwhile."""
        number = self.summary.last.number if self.summary.last else None
        while last is not None:
            page = await store.load_with_leaves(self._db, number, last.number, _SEALS)
            for found in page:
                yield found
            if len(page) < _SEALS:
                return
            number = page[-1][0].number

    def _seal_faults(
        self, seal: Seal, previous: Seal | None, expected: int
    ) -> Iterator[Fault]:
        if seal.number > expected:
            gap = _numbers(expected, seal.number - 1)
            detail = f"{gap} gone, its events cannot be checked"
            yield Fault(FaultKind.SEAL_MISSING, expected, detail)
        wrong = []
        if seal.key_id not in self._anchors.keys:
            detail = f"seal {seal.number} is signed by {seal.key_id}, an unknown key"
            yield Fault(FaultKind.KEY_UNKNOWN, seal.number, detail)
        elif not is_signed(seal, self._anchors.keys):
            wrong.append("its signature does not hold")
        if seal.number < expected:
            wrong.append(f"its number should be {expected}")
        if seal.number == expected and seal.previous != (
            previous.digest if previous else NO_PREVIOUS
        ):
            wrong.append("the seal before it is not the one that it names")
        if wrong:
            yield Fault(FaultKind.SEAL_ALTERED, seal.number, "; ".join(wrong))
        yield from self._against_kept(seal)

    def _against_kept(self, seal: Seal) -> Iterator[Fault]:
        kept = self._anchors.kept.get(seal.number)
        if kept is not None and kept != seal.digest:
            self._rewritten.append(seal.number)
            del self._rewritten[1:-1]
        elif kept is not None:
            yield from self._rewriting()

    def _rewriting(self) -> Iterator[Fault]:
        """Name a run of rewritten seals as one: each depends on the one before."""
        if self._rewritten:
            first, last = self._rewritten[0], self._rewritten[-1]
            detail = f"{_numbers(first, last)} not as kept elsewhere"
            yield Fault(FaultKind.HISTORY_REWRITTEN, first, detail)
            self._rewritten.clear()

    def _ending(self) -> Iterator[Fault]:
        yield from self._rewriting()
        newest = max(self._anchors.kept, default=0)
        reached = self.summary.last.number if self.summary.last else 0
        if newest > reached:
            detail = f"{_numbers(reached + 1, newest)} gone, but kept elsewhere"
            yield Fault(FaultKind.HISTORY_TRUNCATED, reached + 1, detail)


class _EventStream:
    """Read events in the order of sealing, each once, behind a place up to an end."""

    def __init__(self, db: Db, begin: Position, end: Position) -> None:
        self._db = db
        self._end = end
        self._read = begin
        self._page: deque[Event] = deque()

    async def upto(self, place: Position) -> AsyncIterator[Event]:
        """Give the events up to and with ``place`` that were not given yet."""
        while await self._fill():
            while self._page:
                if Position(self._page[0].xid, self._page[0].id) > place:
                    return
                yield self._page.popleft()

    async def _fill(self) -> bool:
        if not self._page:
            self._page.extend(
                await store.load_events(self._db, self._read, self._end, _PAGE)
            )
            if self._page:
                self._read = Position(self._page[-1].xid, self._page[-1].id)
        return bool(self._page)


def _is_intact(seal: Seal, leaves: list[Leaf], packed: bytes) -> bool:
    return (
        len(leaves) == seal.events
        and len(packed) == LEAF_BYTES * seal.events
        and tree_root(leaf.hash for leaf in leaves) == seal.root
        and leaves[-1].id == seal.last.id
    )


def _astray(compared: Compared) -> Fault:
    detail = "its leaves do not lead to its root"
    if compared.tree.root() != compared.seal.root:
        detail += ", nor do its events"
    return Fault(FaultKind.SEAL_ALTERED, compared.seal.number, detail)


def _numbers(first: int, last: int) -> str:
    if first == last:
        return f"seal {first} is"
    return f"seals {first} to {last} are"
