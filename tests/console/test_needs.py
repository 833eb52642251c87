"""What needs somebody is judged from figures alone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.clock import NOON
from unbind_broker.base.ids import new_uuid7
from unbind_broker.console.needs import MOST_NAMED, Need, find_needs
from unbind_broker.console.whole import SEEN_WITHIN, Whole
from unbind_broker.console.words import say
from unbind_broker.orders.states import HoldReason
from unbind_broker.sending.overview import Queue, WorkerSeen
from unbind_broker.statistics.backlog import OpenItems, OpenOrders, Unsent
from unbind_broker.statistics.overview import MOST_COUNTED, Overview, Sealing
from unbind_broker.statistics.standing import IllPlatform, Standing, Standings

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_calm_broker_needs_nobody() -> None:
    assert find_needs(CALM) == []


@pytest.mark.parametrize(
    ("age", "told"),
    [(SEEN_WITHIN - SECOND, []), (SEEN_WITHIN, ["need.no_worker"])],
)
def test_silent_worker_is_none(age: timedelta, told: list[str]) -> None:
    found = find_needs(replace(CALM, workers=(a_worker(NOON - age),)))
    assert keys(found) == told


def test_endpoints_without_worker_are_told_where_workers_run() -> None:
    assert keys(find_needs(replace(CALM, without_owner=3))) == ["need.without_owner"]


@pytest.mark.parametrize(
    ("age", "tones"),
    [
        (MINUTE, []),
        (MINUTE + SECOND, ["warn"]),
        (30 * MINUTE, ["warn"]),
        (30 * MINUTE + SECOND, ["bad"]),
    ],
)
def test_waiting_grows_worse_with_its_age(age: timedelta, tones: list[str]) -> None:
    found = find_needs(replace(CALM, unsent=Unsent("jd", "京东", "JD", NOON - age)))
    assert [one.tone for one in found] == tones


@pytest.mark.parametrize(
    ("age", "told"), [(10 * MINUTE, []), (10 * MINUTE + SECOND, ["need.unsealed"])]
)
def test_sealing_may_lag_a_little(age: timedelta, told: list[str]) -> None:
    assert keys(find_needs(seen(sealing=Sealing(None, 7, NOON - age)))) == told


def test_the_worst_platforms_are_named_and_the_others_counted() -> None:
    dark = [ill(f"dark-{n}", Standing.BREAKER_OPEN) for n in range(4)]
    paused = [ill(f"paused-{n}", Standing.PAUSED) for n in range(3)]
    away = [ill("away", Standing.SUSPENDED)]
    found = find_needs(seen(platforms=standings([*dark, *paused, *away])))
    assert [one.tone for one in found] == ["bad"] * 4 + ["warn"] * 2
    named = [one.platform.platform for one in found if one.platform is not None]
    assert named == [*(one.platform for one in dark), "paused-0"]
    assert len(named) == MOST_NAMED
    assert found[-1].values == {"n": 2}


def test_suspended_platforms_are_so_on_purpose() -> None:
    away = ill("away", Standing.SUSPENDED)
    assert find_needs(seen(platforms=standings([away]))) == []


def test_count_that_stopped_says_so() -> None:
    (found,) = find_needs(seen(undeliverable=MOST_COUNTED))
    assert found.values == {"n": "2,000+"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_need_has_its_words(language: str) -> None:
    everything = replace(
        seen(
            platforms=standings([ill(one, one) for one in NAMED]),
            sealing=Sealing(None, 7, NOON - 20 * MINUTE),
            violations_open=1,
            undeliverable=1,
        ),
        without_owner=1,
        unsent=Unsent("jd", "京东", "JD", NOON - 2 * MINUTE),
    )
    found = find_needs(everything)
    assert len(found) == len(NAMED) + 5
    for need in found:
        values = {"name": "JD", **need.values}
        assert "{" not in say("zh" if language == "zh" else "en", need.key, **values)


NAMED = (
    Standing.BREAKER_OPEN,
    Standing.DISABLED,
    Standing.DEGRADED,
    Standing.PAUSED,
)


def keys(found: list[Need]) -> list[str]:
    return [one.key for one in found]


def a_worker(seen_at: datetime) -> WorkerSeen:
    return WorkerSeen(new_uuid7(NOON), "host", NOON, seen_at, 3)


def ill(platform: str, standing: Standing) -> IllPlatform:
    return IllPlatform(
        platform=platform,
        name_zh=platform,
        name_en=platform,
        standing=standing,
        since=NOON,
        failing_since=None,
        failures=0,
        error=None,
    )


def standings(those: list[IllPlatform]) -> Standings:
    standing = [one.standing for one in those]
    return Standings({one: standing.count(one) for one in Standing}, tuple(those))


def seen(**changed: Any) -> Whole:
    """Give a calm broker but for this."""
    return replace(CALM, overview=replace(CALM.overview, **changed))


CALM = Whole(
    overview=Overview(
        at=NOON,
        minutes=(),
        orders=OpenOrders(0, dict.fromkeys(HoldReason, 0)),
        items=OpenItems({}, 0, 0, 0, 0, None),
        oldest_unsent=None,
        platforms=standings([]),
        undeliverable=0,
        violations_open=0,
        brakes=(),
        clearances=(),
        sealing=Sealing(NOON, 0, None),
    ),
    queue=Queue(0, None),
    workers=(a_worker(NOON),),
    without_owner=0,
    unsent=None,
    braked={},
)
