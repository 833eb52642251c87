"""Processes that are to begin together do, or say that they could not."""

import os
from threading import BrokenBarrierError
from time import monotonic, sleep

import pytest

from benchmarks.processes import begin_together, elsewhere, running_on

LATE = 1.0


def when_it_begins(late: float) -> float:
    sleep(late)
    begin_together(60)
    return monotonic()


def none_but_the_first_comes(place: int) -> None:
    if place == 0:
        begin_together(0.1)


def test_the_first_waits_for_the_last() -> None:
    began = elsewhere(when_it_begins, [0.0, LATE])

    assert max(began) - min(began) < LATE / 2


def test_it_fails_where_they_cannot_begin_together() -> None:
    with pytest.raises(BrokenBarrierError):
        elsewhere(none_but_the_first_comes, [0, 1])


def test_cores_are_used_within_the_block_alone() -> None:
    before = os.sched_getaffinity(0)

    with running_on({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}

    assert os.sched_getaffinity(0) == before
