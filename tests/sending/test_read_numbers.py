"""A read that began before a record may still show what was recorded."""

from uuid import UUID

import pytest

from unbind_broker.sending.read_numbers import ReadNumbers, Tombstones

ORDER = UUID(int=5)


def test_reads_are_numbered_in_the_order_in_which_they_begin() -> None:
    numbers = ReadNumbers()
    with numbers.reading() as first, numbers.reading() as second:
        assert (first, second) == (1, 2)
        assert (numbers.newest, numbers.oldest) == (2, 1)
    assert numbers.oldest == 3


def test_failed_read_is_no_longer_under_way() -> None:
    numbers = ReadNumbers()
    with pytest.raises(OSError, match="gone"), numbers.reading():
        raise OSError("gone")
    assert numbers.oldest == 2


def test_read_begun_before_the_record_is_out_of_date() -> None:
    numbers = ReadNumbers()
    stones = Tombstones(numbers)
    with numbers.reading() as early:
        stones.bury(ORDER)
        with numbers.reading() as late:
            assert stones.hides(ORDER, early)
            assert not stones.hides(ORDER, late)
    assert not stones.hides(UUID(int=6), early)


def test_tombstones_are_kept_only_while_a_read_may_need_them() -> None:
    numbers = ReadNumbers()
    stones = Tombstones(numbers)
    with numbers.reading():
        for place in range(100):
            stones.bury(UUID(int=place))
        assert len(stones) == 100
    with numbers.reading() as read:
        stones.bury(ORDER)
        assert len(stones) == 1
        assert stones.hides(ORDER, read)


def test_item_recorded_twice_is_kept_until_the_younger_record_is_known() -> None:
    numbers = ReadNumbers()
    stones = Tombstones(numbers)
    with numbers.reading():
        stones.bury(ORDER)
    with numbers.reading() as read:
        stones.bury(ORDER)
        stones.bury(UUID(int=9))
        assert stones.hides(ORDER, read)
