"""When a call is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.client.retrying import Repeat, Retrying, may_repeat

ALWAYS, UNSENT = Repeat.ALWAYS, Repeat.UNSENT


@pytest.mark.parametrize(
    ("status", "code", "repeat", "again"),
    [
        (429, "rate-limited", ALWAYS, True),
        (429, "rate-limited", UNSENT, True),
        (503, "overloaded", UNSENT, True),
        (503, "database-unavailable", ALWAYS, True),
        (503, "database-unavailable", UNSENT, False),
        (502, "unknown", ALWAYS, True),
        (504, "unknown", UNSENT, False),
        (409, "idempotency-in-progress", ALWAYS, True),
        (409, "order-already-completed", ALWAYS, False),
        (500, "internal-error", ALWAYS, False),
        (422, "validation-failed", ALWAYS, False),
        (401, "unauthenticated", ALWAYS, False),
        (404, "not-found", ALWAYS, False),
        (413, "body-too-large", ALWAYS, False),
    ],
)
def test_only_what_passes_by_itself_and_does_no_harm_is_repeated(
    status: int, code: str, repeat: Repeat, *, again: bool
) -> None:
    assert may_repeat(status, code, repeat) is again


@given(failed=st.integers(1, 100), roll=st.floats(0, 1), asked=st.floats(0, 60))
def test_pause_is_never_shorter_than_asked_nor_without_end(
    failed: int, roll: float, asked: float
) -> None:
    pause = Retrying(tries=1000).pause(failed, roll, asked)
    assert pause is not None
    assert asked < pause <= asked + 10


def test_pauses_double_and_spread() -> None:
    policy = Retrying(first=timedelta(seconds=1), longest=timedelta(seconds=3))
    assert [policy.pause(failed, 1.0) for failed in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert policy.pause(1, 0.0) == 0.5


def test_after_the_last_try_there_is_none() -> None:
    assert Retrying(tries=3).pause(3, 0.5) is None


def test_longer_than_obeyed_is_not_cut_short_but_given_up() -> None:
    assert Retrying().pause(1, 0.5, 61.0) is None
