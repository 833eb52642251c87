"""Every planted fault is found by the rule that is about it, and by no other.

Where a fault breaks several promises, all of them are named here.
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.test_mistakes import ALL
from tests.conformance.trying import by_verdict, tried
from unbind_broker.base.signing_keys import PrivateKey
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.running import Verdict

pytestmark = pytest.mark.real_time(0.3)

FOUND: dict[str, dict[str, set[str]]] = {
    "reach": {
        "slow-challenge": {"challenge"},
        "wrong-challenge": {"challenge"},
        "fails-tests": {"test-event"},
        "fails-queries": {"signature-valid"},
        "unseeded": {"seeded"},
        "queries-detach": {"query-changes-nothing"},
        "redirects": {"no-redirect", "unknown-type"},
        "redirects-everything": {
            "challenge",
            "test-event",
            "signature-valid",
            "no-redirect",
        },
        "long-answers": {"answer-small"},
    },
    "signatures": {
        "takes-unsigned": {"signature-missing", "signature-every-type"},
        "refuses-and-acts": {"signature-missing"},
        "refuses-and-reports": {"signature-missing"},
        "takes-any-signature": {
            "signature-wrong-key",
            "signature-altered-body",
            "signature-every-type",
            "signature-malformed",
            "signature-unknown-version",
        },
        "falls-over": {"signature-malformed"},
        "ignores-age": {"signature-old"},
        "ignores-future": {"signature-future"},
        "any-version": {"signature-unknown-version"},
        "first-signature-only": {"signature-beside-unknown", "signature-rotation"},
        "impatient": {"signature-tolerance"},
        "signs-parsed": {"signature-raw-bytes", "signature-malformed"},
    },
    "deliveries": {
        "wants-batches": {"batch-of-one"},
        "drops-the-last": {"batch-full"},
        "acts-again-on-a-retry": {"duplicate-same-webhook-id"},
        "knows-webhook-ids-only": {
            "duplicate-other-webhook-id",
            "duplicate-at-once",
            "restore-then-repeat",
        },
        "races": {"duplicate-at-once"},
        "strict-fields": {"unknown-fields"},
        "refuses-unknown-types": {"unknown-type"},
        "ignores-cancellations": {"cancel-first", "cancel-only-that"},
        "claims-what-was-cancelled": {"cancel-first"},
        "fails-reminders": {"reminder"},
        "fails-once": {"taken"},
    },
    "interval": {
        "wrong-date": {"interval-before", "inside-interval", "query-counts"},
        "detaches-nothing": {"interval-takes-effect"},
        "compares-dates": {"interval-last-second"},
        "border-is-before": {
            "interval-border",
            "interval-as-given",
            "inside-interval",
            "clearance-findings",
        },
        "unknown-is-nothing": {"interval-unknown-date"},
        "takes-both-holders": {
            "interval-both",
            "interval-current-owner",
            "clearance-spared",
            "inside-interval",
        },
        "ignores-start": {
            "batch-mixed",
            "interval-current-owner",
            "inside-interval",
        },
        "counts-all": {"interval-both", "interval-current-owner"},
    },
    "results": {
        "wrong-reason": {"refusals"},
        "takes-all-of-partly": {"partly"},
        "never-asks": {"action-required"},
        "only-detaches": {"close-account"},
        "tells-account": {"outcome-fits"},
        "wrong-outcome": {"outcome-fits", "restore", "clearance-undone"},
        "no-date": {"bound-at-told"},
        "no-reason": {"reason-told"},
        "no-detail": {"reason-told"},
        "no-kept": {"counts-told"},
        "no-action": {"action-told"},
        "changes-its-mind": {"one-result"},
        "reports-strangers": {"known-items"},
        "results-no-list": {"answer-readable", "result-comes"},
        "tells-number": {"no-number"},
    },
    "reports": {
        "forgets-slow-ones": {"result-later"},
        "reports-once": {"report-repeated"},
        "wrong-key": {"report-key", "result-later"},
        "wrong-form": {"report-form"},
    },
    "undoing": {
        "restores-nothing": {"restore", "clearance-undone"},
        "restores-anything": {"restore-nothing"},
        "restores-with-another-date": {"restore"},
        "forgets-what-it-restored": {"restore-then-repeat"},
    },
    "clearances": {
        "fails-clearances": {"clearance-taken"},
        "reads-one-page": {"clearance-read"},
        "tells-clean-ones": {"clearance-findings"},
        "clears-withdrawn": {"clearance-spared"},
        "never-completes": {"clearance-complete"},
        "completes-unread": {"clearance-complete"},
    },
    "limits": {
        "small-queries": {"limits-load"},
        "throttles": {"limits-rate"},
    },
}
SILENT = (
    "drops-the-last",
    "never-asks",
    "results-no-list",
    "forgets-slow-ones",
    "reports-once",
    "wrong-key",
    "reads-one-page",
    "never-completes",
)
"""Nothing comes of something here; nobody needs to wait for it long."""
OWN_KEY = PrivateKey(bytes(range(32)))
SHORT: dict[str, Any] = {"wait": timedelta(seconds=8)}
SIGNED: dict[str, Any] = {"result_public_key": OWN_KEY.public, **SHORT}
DECLARED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(SILENT, SHORT),
    "slow-challenge": {"limit": timedelta(seconds=2)},
    "throttles": {"max_rate": 1000.0},
}


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    found = set[str]().union(
        *(rules for faults in FOUND.values() for rules in faults.values())
    )
    found |= set().union(*ALL.values())
    elsewhere = {"keep-alive", "report-signed", "interval-after"}
    assert {rule.id for rule in RULES} - found == elsewhere
    assert found <= {rule.id for rule in RULES}


async def broken_by(faults: Collection[str]) -> dict[str, set[str]]:
    """Try platforms with these faults beside each other."""
    judged = await asyncio.gather(
        *(tried(fault, **DECLARED.get(fault, {})) for fault in faults)
    )
    broken = (by_verdict(one, Verdict.BROKEN) for one in judged)
    return dict(zip(faults, broken, strict=True))


async def test_fault_of_reach_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["reach"]) == FOUND["reach"]


async def test_fault_about_signatures_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["signatures"]) == FOUND["signatures"]


async def test_fault_about_delivery_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["deliveries"]) == FOUND["deliveries"]


async def test_fault_about_whose_binding_it_is_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["interval"]) == FOUND["interval"]


async def test_fault_of_results_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["results"]) == FOUND["results"]


async def test_fault_of_reports_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["reports"]) == FOUND["reports"]


async def test_fault_of_undoing_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["undoing"]) == FOUND["undoing"]


async def test_fault_about_clearances_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["clearances"]) == FOUND["clearances"]


async def test_fault_about_limits_is_found_and_no_other() -> None:
    assert await broken_by(FOUND["limits"]) == FOUND["limits"]


async def test_ignored_border_shows_in_queries_already() -> None:
    judged = await tried("ignores-border")
    assert by_verdict(judged, Verdict.BROKEN) == {
        "batch-mixed",
        "interval-border",
        "interval-after",
        "interval-as-given",
        "inside-interval",
    }
    assert "interval-both" in by_verdict(judged, Verdict.SKIPPED)


async def test_signatures_are_judged_without_test_numbers_as_far_as_can_be() -> None:
    judged = await tried("unseeded", only=["signature-missing", "signature-old"])
    assert by_verdict(judged, Verdict.SKIPPED) == {"signature-missing", "signature-old"}
    judged = await tried("unseeded-and-unsigned", only=["signature-missing"])
    assert by_verdict(judged, Verdict.BROKEN) == {"signature-missing"}


async def test_what_was_never_told_is_not_said_to_be_told_rightly() -> None:
    judged = await tried("says-nothing", wait=timedelta(seconds=0.1))
    assert by_verdict(judged, Verdict.BROKEN) == {"result-comes"}
    assert by_verdict(judged, Verdict.SKIPPED) >= {
        "seeded",
        "outcome-fits",
        "bound-at-told",
        "inside-interval",
        "reason-told",
        "counts-told",
        "action-told",
        "one-result",
        "known-items",
        "answer-readable",
        "report-key",
        "report-form",
        "no-number",
    }


async def test_connections_that_are_closed_are_advised_against() -> None:
    judged = await tried("closes-connections")
    assert by_verdict(judged, Verdict.ADVISED) == {"keep-alive"}
    assert by_verdict(judged, Verdict.BROKEN) == set()


@pytest.mark.parametrize(
    ("fault", "platform", "expected"),
    [
        ("", {"signs_with": None, "pause": 0.01}, {"report-signed", "result-comes"}),
        (
            "changes-webhook-id",
            {"signs_with": OWN_KEY, "pause": 0.01},
            {"report-repeated"},
        ),
    ],
    ids=["unsigned", "changes-webhook-id"],
)
async def test_fault_of_a_platform_that_signs_is_found(
    fault: str, platform: dict[str, Any], expected: set[str]
) -> None:
    judged = await tried(fault, platform=platform, **SIGNED)
    assert by_verdict(judged, Verdict.BROKEN) == expected
