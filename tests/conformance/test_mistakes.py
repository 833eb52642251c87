"""Mistakes that people make are found, by the rule that is about them."""

import asyncio
from datetime import timedelta

import pytest

from tests.conformance import mistaken as a
from tests.conformance.platform import Platform
from tests.conformance.trying import by_verdict, tried
from unbind_broker.conformance.running import Verdict

pytestmark = pytest.mark.real_time(0.3)

WAIT = timedelta(seconds=6)
SIGNATURES: dict[type[Platform], set[str]] = {
    a.VerifiesRequestsOnly: {"signature-every-type"},
    a.ShowsChallengeToAnyone: {"signature-every-type"},
    a.ComparesWhatIsGiven: {"signature-malformed"},
    a.ChokesOnLetters: {"signature-malformed"},
    a.ChokesOnFarTimes: {"signature-malformed"},
    a.ReadsBeforeItVerifies: {"signature-malformed"},
    a.WantsOneHeader: {"signature-malformed"},
    a.TakesAnyOfTheSize: {
        "signature-altered-body",
        "signature-every-type",
        "signature-future",
        "signature-malformed",
        "signature-old",
        "signature-wrong-key",
    },
}
DELIVERIES: dict[type[Platform], set[str]] = {
    a.GoesByTheFirst: {"batch-mixed", "inside-interval"},
    a.KeepsOneOfANumber: {"batch-mixed"},
    a.SwapsLines: {"batch-full", "duplicate-other-webhook-id"},
    a.PassesOverKnownBatches: {"duplicate-other-webhook-id"},
    a.RefusesOldOrders: {"old-order"},
    a.RefusesRepetitions: {
        "duplicate-at-once",
        "duplicate-other-webhook-id",
        "duplicate-same-webhook-id",
        "restore-twice",
    },
    a.GoesByTheBeginning: {"unknown-type"},
    a.CancelsTheNumber: {"cancel-only-that"},
    a.CancelsTheFirst: {"cancel-first"},
    a.PutsBackOnCancel: {"cancel-too-late"},
    a.RefusesLateCancels: {"cancel-too-late"},
}
RESULTS: dict[type[Platform], set[str]] = {
    a.ComputesTheBorder: {"interval-as-given"},
    a.KnowsNoEnd: {"interval-as-given", "inside-interval"},
    a.RemembersNumbers: {"inside-interval", "interval-takes-effect"},
    a.TellsTheOldest: {"query-counts"},
    a.CountsOne: {"query-counts"},
    a.SendsPeopleElsewhere: {"action-told"},
    a.TellsLocalTime: {"outcome-fits"},
}
AFTERWARDS: dict[type[Platform], set[str]] = {
    a.RestoresTheNumber: {"restore-only-that"},
    a.RestoresOnceMore: {"restore-twice"},
    a.LeavesAloneWhatWasRestored: {"restore-then-anew"},
    a.UndoesOrdersOnly: {"clearance-undone"},
    a.ClearsOneWave: {"clearance-waves"},
    a.ContradictsItself: {"clearance-repeated"},
}
ALL = SIGNATURES | DELIVERIES | RESULTS | AFTERWARDS


async def broken_by(
    mistakes: dict[type[Platform], set[str]],
) -> dict[type[Platform], set[str]]:
    """Try all of these platforms beside each other."""
    judged = await asyncio.gather(*(tried(kind=kind, wait=WAIT) for kind in mistakes))
    broken = (by_verdict(one, Verdict.BROKEN) for one in judged)
    return dict(zip(mistakes, broken, strict=True))


async def test_mistake_about_signatures_is_found_and_no_other() -> None:
    assert await broken_by(SIGNATURES) == SIGNATURES


async def test_mistake_about_delivery_is_found_and_no_other() -> None:
    assert await broken_by(DELIVERIES) == DELIVERIES


async def test_mistake_about_results_is_found_and_no_other() -> None:
    assert await broken_by(RESULTS) == RESULTS


async def test_mistake_about_undoing_and_clearing_is_found_and_no_other() -> None:
    assert await broken_by(AFTERWARDS) == AFTERWARDS


async def test_ids_that_are_cut_short_are_found() -> None:
    judged = await tried(kind=a.CutsIds, wait=WAIT)
    assert by_verdict(judged, Verdict.BROKEN) >= {"seeded"}
