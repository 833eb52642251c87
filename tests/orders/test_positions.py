from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.orders.positions import Position, just_before, start_of

rows = st.builds(
    Position,
    st.integers(3, 2**62),
    st.integers(1, 2**128 - 1).map(lambda number: UUID(int=number)),
)


@given(rows, rows)
def test_just_before_a_row_lies_behind_every_earlier_one(
    row: Position, other: Position
) -> None:
    assert just_before(row) < row
    assert other >= row or other <= just_before(row)


@given(rows)
def test_start_lies_before_every_row_of_its_transaction(row: Position) -> None:
    assert Position(row.xid - 1, UUID(int=2**128 - 1)) < start_of(row.xid) < row
