"""A platform that keeps the contract breaks no rule, in whatever way it reports."""

from datetime import timedelta
from typing import Any

import pytest

from tests.conformance import odd
from tests.conformance.platform import Platform
from tests.conformance.trying import by_verdict, tried
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.running import Verdict
from unbind_broker.conformance.said import CannotTry

pytestmark = pytest.mark.real_time(0.3)

OWN_KEY = PrivateKey(bytes(range(32)))


@pytest.mark.parametrize(
    ("platform", "declared", "skipped"),
    [
        ({}, {}, {"report-signed", "limits-rate"}),
        ({"pause": 0.01}, {}, {"report-signed", "limits-rate", "answer-readable"}),
        (
            {"pause": 0.01, "signs_with": OWN_KEY},
            {"result_public_key": OWN_KEY.public, "max_batch": 1, "max_concurrency": 1},
            {
                "batch-full",
                "batch-mixed",
                "duplicate-at-once",
                "answer-readable",
                "limits-rate",
            },
        ),
    ],
    ids=["at once", "later", "later and signed, one by one"],
)
async def test_nothing_is_broken(
    platform: dict[str, Any], declared: dict[str, Any], skipped: set[str]
) -> None:
    judged = await tried(platform=platform, **declared)
    assert [one.rule.id for one in judged] == [rule.id for rule in RULES]
    assert by_verdict(judged, Verdict.BROKEN) == set()
    assert by_verdict(judged, Verdict.ADVISED) == set()
    assert by_verdict(judged, Verdict.SKIPPED) == skipped


@pytest.mark.parametrize(
    "kind",
    [odd.Slow, odd.Silent, odd.Accepting, odd.Chunked, odd.Twice, odd.Fetching],
)
async def test_odd_but_right_platform_breaks_no_rule(kind: type[Platform]) -> None:
    judged = await tried(kind=kind, limit=timedelta(seconds=5))
    assert by_verdict(judged, Verdict.BROKEN) == set()
    assert by_verdict(judged, Verdict.ADVISED) == set()
    assert "interval-both" in by_verdict(judged, Verdict.HOLDS)


async def test_platform_behind_an_old_relay_is_advised_and_breaks_no_rule() -> None:
    judged = await tried(kind=odd.OldProtocol)
    assert by_verdict(judged, Verdict.BROKEN) == set()
    assert by_verdict(judged, Verdict.ADVISED) == {"keep-alive"}


async def test_it_can_be_tried_again_without_seeding_anew() -> None:
    judged = await tried(times=4)
    assert by_verdict(judged, Verdict.BROKEN) == set()
    assert by_verdict(judged, Verdict.SKIPPED) == {"report-signed", "limits-rate"}


async def test_what_is_not_offered_is_skipped_and_not_passed() -> None:
    judged = await tried("restores-not", only=["restore", "restore-then-repeat"])
    assert by_verdict(judged, Verdict.SKIPPED) == {"restore", "restore-then-repeat"}


async def test_only_what_is_chosen_is_told() -> None:
    judged = await tried(only=["interval-both", "challenge"])
    assert [one.rule.id for one in judged] == ["challenge", "interval-both"]


async def test_rule_that_looks_back_makes_the_others_run() -> None:
    judged = await tried("no-kept", only=["counts-told"])
    assert by_verdict(judged, Verdict.BROKEN) == {"counts-told"}


async def test_endpoint_that_knows_another_secret_cannot_be_tried() -> None:
    with pytest.raises(CannotTry, match="is the secret of this trial installed there"):
        await tried("refuses-everything")


async def test_nobody_there_cannot_be_tried() -> None:
    with pytest.raises(CannotTry, match="nobody answers at this URL"):
        await tried(url="http://127.0.0.1:9/hooks")
