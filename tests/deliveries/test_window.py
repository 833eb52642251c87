"""How many requests may be under way after trouble."""

from datetime import timedelta

from tests.support.clock import NOON
from unbind_broker.deliveries.window import SendWindow

SECOND = timedelta(seconds=1)


def sizes(window: SendWindow, answers: int, most: int) -> list[int]:
    found = [window.allows(most)]
    for _ in range(answers):
        window.grow(most)
        found.append(window.allows(most))
    return found


def test_endpoint_without_trouble_gets_all_that_its_owner_allows() -> None:
    assert sizes(SendWindow(), 3, 8) == [8, 8, 8, 8]


def test_after_an_outage_it_doubles_with_each_round_of_answers() -> None:
    window = SendWindow()
    window.begin_slowly()
    rounds = [window.allows(16)]
    while rounds[-1] < 16:
        for _ in range(rounds[-1]):
            window.grow(16)
        rounds.append(window.allows(16))
    assert rounds == [1, 2, 4, 8, 16]


def test_being_turned_away_halves_and_then_grows_by_one_a_round() -> None:
    window = SendWindow()
    window.shrink(16, NOON, NOON + SECOND)
    assert window.allows(16) == 8
    for _ in range(9):
        window.grow(16)
    assert window.allows(16) == 9


def test_requests_that_were_under_way_together_halve_it_once() -> None:
    window = SendWindow()
    for _ in range(16):
        window.shrink(16, NOON, NOON + SECOND)
    assert window.allows(16) == 8
    window.shrink(16, NOON + 2 * SECOND, NOON + 3 * SECOND)
    assert window.allows(16) == 4


def test_one_request_is_always_allowed() -> None:
    window = SendWindow()
    for turn in range(10):
        at = NOON + 2 * turn * SECOND
        window.shrink(2, at, at + SECOND)
    assert window.allows(2) == 1


def test_owner_who_allows_less_gets_less() -> None:
    window = SendWindow()
    window.begin_slowly()
    for _ in range(6):
        window.grow(64)
    assert window.allows(64) == 7
    assert window.allows(3) == 3
