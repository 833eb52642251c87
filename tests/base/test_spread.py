from unbind_broker.base.spread import Spread


def test_a_bound_belongs_to_the_class_below_it() -> None:
    spread = Spread((1, 5))
    for value in (0, 1, 1.5, 5, 5.1):
        spread.add(value)
    assert spread.counts == [2, 2, 1]
    assert spread.total == 12.6


def test_a_value_counts_as_often_as_it_was_seen() -> None:
    spread = Spread((1,))
    spread.add(0.5, times=4)
    assert (spread.counts, spread.total) == ([4, 0], 2.0)
