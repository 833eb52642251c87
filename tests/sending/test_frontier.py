"""Whatever order transactions take ids and commit in: each row is read exactly once."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from unbind_broker.orders.positions import Position, just_before, start_of
from unbind_broker.sending.frontier import Frontier, Snapshot


@dataclass
class Log:
    """The log as Postgres shows it: rows are seen once their transaction committed."""

    rows: dict[int, list[Position]] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    committed: set[int] = field(default_factory=set)
    last_ended: int = 2

    def begin(self, orders: Collection[int]) -> None:
        xid = len(self.rows) + 3
        self.rows[xid] = [Position(xid, UUID(int=order)) for order in orders]
        self.open.append(xid)

    def end(self, which: int, *, commits: bool) -> None:
        xid = self.open.pop(which % len(self.open))
        self.last_ended = max(self.last_ended, xid)
        if commits:
            self.committed.add(xid)

    @property
    def snapshot(self) -> Snapshot:
        """Postgres ends a snapshot at the last transaction that ended, not began."""
        end = self.last_ended + 1
        return Snapshot(end, [xid for xid in self.open if xid < end])

    @property
    def visible(self) -> list[Position]:
        return sorted(row for xid in self.committed for row in self.rows[xid])


@dataclass
class Reader:
    frontier: Frontier = field(default_factory=lambda: Frontier(start_of(0)))
    dealt: list[Position] = field(default_factory=list)

    def read(self, log: Log, limit: int, room: int) -> bool:
        """Read as the statements do, and take no more than ``room``."""
        found = [row for row in log.visible if is_unread(self.frontier, row)][:limit]
        taken, left = found[:room], found[room:]
        self.dealt += taken
        place = None if len(found) < limit else found[-1]
        if left:
            place = just_before(left[0])
        self.frontier = self.frontier.moved_to(place, log.snapshot)
        return place is None

    def read_all(self, log: Log) -> None:
        while not self.read(log, 3, 3):
            pass


def is_unread(frontier: Frontier, row: Position) -> bool:
    gaps = {gap.xid: gap for gap in frontier.gaps}
    return row > frontier.front or (row.xid in gaps and row > gaps[row.xid])


# One step is: a transaction takes an id; it ends; a reader reads.
begins = st.tuples(st.just("begin"), st.sets(st.integers(1, 99), max_size=6))
ends = st.tuples(st.sampled_from(["commit", "abort"]), st.integers(0, 9))
reads = st.tuples(st.just("read"), st.tuples(st.integers(1, 5), st.integers(0, 5)))
histories = st.lists(begins | ends | reads | ends | reads, max_size=60)


def live(log: Log, step: tuple[str, object], reader: Reader) -> None:
    match step:
        case ("begin", set(orders)):
            log.begin(orders)
        case ("commit" | "abort" as how, int(which)) if log.open:
            log.end(which, commits=how == "commit")
        case ("read", (int(limit), int(room))):
            reader.read(log, limit, room)
        case _:
            pass


@settings(max_examples=400)
@given(histories)
def test_no_row_is_missed_and_none_is_dealt_twice(
    history: list[tuple[str, object]],
) -> None:
    log, reader = Log(), Reader()
    for step in history:
        live(log, step, reader)
        written = {row for rows in log.rows.values() for row in rows}
        unread = written - set(reader.dealt)
        lasting = log.committed.union(log.open)
        outstanding = [row for row in unread if row.xid in lasting]
        assert all(row > reader.frontier.safe for row in outstanding)
    while log.open:
        log.end(0, commits=True)
    reader.read_all(log)
    assert sorted(reader.dealt) == log.visible


@settings(max_examples=300)
@given(histories, histories, histories)
def test_reader_that_has_caught_up_may_go_on_where_another_stands(
    before: list[tuple[str, object]],
    between: list[tuple[str, object]],
    after: list[tuple[str, object]],
) -> None:
    """So a lane that was behind joins the others; it may get rows a second time."""
    log, others, late = Log(), Reader(), Reader()
    for step in before:
        live(log, step, others)
    for step in between:
        live(log, step, late)
    late.read_all(log)
    late.frontier = others.frontier
    for step in after:
        live(log, step, late)
    while log.open:
        log.end(0, commits=True)
    late.read_all(log)
    assert sorted(set(late.dealt)) == log.visible


@settings(max_examples=300)
@given(histories, st.integers(0, 99), histories)
def test_what_is_let_go_of_is_read_again_and_all_behind_it(
    before: list[tuple[str, object]], which: int, after: list[tuple[str, object]]
) -> None:
    log, reader = Log(), Reader()
    for step in before:
        live(log, step, reader)
    dropped = set()
    if reader.dealt:
        row = reader.dealt[which % len(reader.dealt)]
        reader.frontier = reader.frontier.back_to(just_before(row))
        dropped = {row}
        assert reader.frontier.safe <= just_before(row)
    reader.dealt = [row for row in reader.dealt if row not in dropped]
    for step in after:
        live(log, step, reader)
    while log.open:
        log.end(0, commits=True)
    reader.read_all(log)
    assert sorted(set(reader.dealt)) == log.visible


def test_transaction_that_stays_open_costs_one_gap() -> None:
    log, reader = Log(), Reader()
    log.begin([1])
    for order in range(2, 500):
        log.begin([order])
        log.end(-1, commits=True)
        reader.read_all(log)
    assert reader.frontier == Frontier(start_of(502), (start_of(3),))
    assert reader.frontier.safe == start_of(3)
    log.end(0, commits=True)
    reader.read_all(log)
    assert reader.dealt[-1] == Position(3, UUID(int=1))
    assert reader.frontier.gaps == ()


def test_going_back_never_skips_what_a_gap_still_holds() -> None:
    gap = Position(7, UUID(int=5))
    frontier = Frontier(Position(9, UUID(int=1)), (start_of(4), gap, start_of(8)))
    back = frontier.back_to(Position(7, UUID(int=20)))
    assert back == Frontier(gap, (start_of(4),))
    assert frontier.back_to(Position(9, UUID(int=2))) == frontier
