from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from tests.support.holdings import (
    MOBILE,
    TODAY,
    UNICOM,
    claimed,
    day,
    heard,
    told,
)
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.holding import History
from unbind_broker.holdings.recycled import last_former, was_recycled

Events = tuple[tuple[str, date, CarrierId], ...]

HELD = (("activated", day(200), MOBILE),)
GIVEN_UP = (*HELD, ("disconnected", day(100), MOBILE))
SOLD_AGAIN = (*GIVEN_UP, ("activated", day(10), MOBILE))
RESUMED = (*GIVEN_UP, ("resumed", day(50), MOBILE))
TRANSFERRED = (*HELD, ("transferred", day(100), MOBILE))
PORTED = (*HELD, ("ported_in", day(100), UNICOM))
LEFT = (*HELD, ("ported_out", day(100), MOBILE))
CAME = (("ported_in", day(100), UNICOM),)
CAME_AND_WENT_ON = (
    ("ported_in", day(100), UNICOM),
    ("ported_in", day(50), MOBILE),
)
AFTER_ANOTHER = (*GIVEN_UP, ("ported_in", day(50), UNICOM))
GONE_UNKNOWN = (*CAME, ("disconnected", day(50), UNICOM))

TABLE: dict[str, tuple[Events, int, bool | None]] = {
    "nothing is known": ((), 5, None),
    "the day of the contract": (HELD, 200, False),
    "held since": (HELD, 199, False),
    "held today": (HELD, 0, False),
    "before the contract": (HELD, 201, True),
    "given up since": (GIVEN_UP, 150, True),
    "the day on which it was given up": (GIVEN_UP, 100, True),
    "nobody holds it": (GIVEN_UP, 0, True),
    "changed since": (SOLD_AGAIN, 150, True),
    "the former holder's contract": (SOLD_AGAIN, 200, True),
    "in the gap": (SOLD_AGAIN, 50, True),
    "the last day of the gap": (SOLD_AGAIN, 11, True),
    "the present holder's contract": (SOLD_AGAIN, 10, False),
    "the present holder": (SOLD_AGAIN, 0, False),
    "came back": (RESUMED, 150, False),
    "the day of coming back": (RESUMED, 50, False),
    "between leaving and coming back": (RESUMED, 51, True),
    "before who came back": (RESUMED, 201, True),
    "the day of a transfer": (TRANSFERRED, 100, False),
    "before a transfer": (TRANSFERRED, 101, True),
    "a port changes no holder": (PORTED, 150, False),
    "nor does its day": (PORTED, 100, False),
    "what follows elsewhere is not told": (LEFT, 150, None),
    "nor after the port": (LEFT, 50, None),
    "before whoever left": (LEFT, 201, True),
    "an unknown holder's day": (CAME, 100, False),
    "an unknown holder's beginning": (CAME, 101, None),
    "an unknown holder's other port": (CAME_AND_WENT_ON, 100, False),
    "before an unknown holder": (CAME_AND_WENT_ON, 101, None),
    "another holder before an unknown one": (AFTER_ANOTHER, 150, True),
    "before that other holder": (AFTER_ANOTHER, 250, True),
    "perhaps the unknown one": (AFTER_ANOTHER, 60, None),
    "the unknown one": (AFTER_ANOTHER, 50, False),
    "an unknown holder gave it up": (GONE_UNKNOWN, 300, True),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_number_has_passed_to_somebody_else(name: str) -> None:
    past, ago, expected = TABLE[name]
    assert was_recycled(told(*past), day(ago)) is expected


def test_a_holder_attested_since_a_day_held_it_on_that_day() -> None:
    history = claimed((), day(30)).history
    assert was_recycled(history, day(30)) is False
    assert was_recycled(history, day(31)) is True


def test_an_attested_holder_who_gave_up_and_was_attested_again_came_back() -> None:
    history = claimed((), day(30)).history
    history = heard(history, "disconnected", day(10)).history
    assert was_recycled(history, day(20)) is True
    history = claimed(history, day(30), now=NOON).history
    assert was_recycled(history, day(20)) is False
    assert was_recycled(history, day(5)) is True


@pytest.mark.parametrize(
    ("past", "began"),
    [
        ((), None),
        (HELD, None),
        (GIVEN_UP, 200),
        (SOLD_AGAIN, 200),
        ((*SOLD_AGAIN, ("disconnected", day(5), MOBILE)), 10),
        (RESUMED, None),
        (TRANSFERRED, 200),
        (PORTED, None),
        (LEFT, None),
        (CAME, None),
        (CAME_AND_WENT_ON, None),
        (AFTER_ANOTHER, 200),
        (GONE_UNKNOWN, 100),
    ],
)
def test_the_last_former_holder_is_known(past: Events, began: int | None) -> None:
    former = last_former(told(*past))
    assert (former and former.holder_from) == (None if began is None else day(began))


VERBS = st.sampled_from(["new", "leave", "back", "transfer", "port"])
DEEDS = st.lists(st.tuples(VERBS, st.integers(1, 12)), max_size=12)


@dataclass
class Watcher:
    """Writes down day by day who holds a number, while carriers tell everything."""

    history: History = ()
    ago: int = 150
    holder: int | None = None
    former: int | None = None
    at: CarrierId = MOBILE
    known: int = 0
    days: dict[int, int | None] = field(default_factory=dict)

    def see(self, deed: str, ago: int) -> None:
        self.days.update(dict.fromkeys(range(ago + 1, self.ago + 1), self.holder))
        self.ago = ago
        for word in self._words(deed):
            self.history = heard(self.history, word, day(ago), self.at).history
            if word == "ported_out":
                self.at = UNICOM if self.at == MOBILE else MOBILE

    def _words(self, deed: str) -> list[str]:
        """Let it happen, and say how it is told; nothing where it cannot happen."""
        words: list[str] = []
        if deed == "port" and self.holder is not None:
            words = ["ported_out", "ported_in"]
        elif deed == "leave" and self.holder is not None:
            self.holder, self.former, words = None, self.holder, ["disconnected"]
        elif deed == "back" and self.former is not None:
            self.holder, self.former, words = self.former, None, ["resumed"]
        elif deed == "new" and self.holder is None:
            self.holder, self.former, words = self._somebody(), None, ["activated"]
        elif deed == "transfer" and self.holder is not None:
            self.holder, words = self._somebody(), ["transferred"]
        return words

    def _somebody(self) -> int:
        self.known += 1
        return self.known


@given(DEEDS, st.integers(0, 160))
def test_the_answer_is_that_of_whoever_saw_every_day(
    deeds: list[tuple[str, int]], ago: int
) -> None:
    seen = Watcher()
    for deed, step in deeds:
        if seen.ago > step:
            seen.see(deed, seen.ago - step)
    seen.see("nothing more", 0)
    seen.days[0] = seen.holder
    then = seen.days.get(ago)
    changed = then is None or then != seen.holder
    assert was_recycled(seen.history, day(ago)) is (changed if seen.history else None)


def test_today_is_no_special_day() -> None:
    assert was_recycled(told(("activated", TODAY, MOBILE)), TODAY) is False
