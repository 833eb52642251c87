"""What a trial tells of a rule that does not hold helps to find what went wrong."""

from datetime import timedelta

import pytest
from typing_extensions import override

from tests.conformance.accounts import Line
from tests.conformance.platform import Platform
from tests.conformance.trying import by_verdict, tried
from unbind_broker.base.magic_numbers import ON_BORDER
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.report import Language, as_lines
from unbind_broker.conformance.running import Judged, Verdict
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind

pytestmark = pytest.mark.real_time(0.3)


async def test_rule_that_does_not_hold_names_the_items_it_sent_last() -> None:
    fault, only = "border-is-before", ["interval-border", "inside-interval"]
    broken = {
        one.rule.id: [
            (asked.outgoing.kind, asked.outgoing.number) for asked in one.sent
        ]
        for one in await tried(fault, only=only)
        if one.verdict is Verdict.BROKEN
    }
    query = (OrderKind.QUERY, ON_BORDER.number(0))
    assert broken == {"interval-border": [query], "inside-interval": []}


async def test_malformed_request_that_was_not_refused_is_named() -> None:
    (judged,) = await tried("falls-over", only=["signature-malformed"])
    assert judged.seen is not None
    assert "webhook-signature: " in judged.seen.en


async def test_store_without_test_numbers_is_told_which_to_seed() -> None:
    judged = await tried("unseeded", only=["seeded"])
    assert by_verdict(judged, Verdict.BROKEN) == {"seeded"}
    assert judged[0].seen is not None
    assert "test numbers 1000 – 1999" in judged[0].seen.en
    assert "测试号码 1000 – 1999" in judged[0].seen.zh


async def test_wrong_challenge_is_told_in_chinese() -> None:
    judged = await tried("wrong-challenge", only=["challenge"])
    assert judged[0].seen is not None
    assert "没有原样返回" in judged[0].seen.zh


async def test_reports_that_go_elsewhere_are_asked_about() -> None:
    judged = await tried(
        kind=Astray,
        platform={"pause": 0.0},
        only=["result-comes"],
        wait=timedelta(seconds=0.5),
    )
    assert by_verdict(judged, Verdict.BROKEN) == {"result-comes"}
    assert judged[0].seen is not None
    assert "is UNBIND_URL there the address of this kit?" in judged[0].seen.en


def test_what_is_to_be_mended_is_gathered_at_the_end() -> None:
    broken = [
        Judged(rule, Verdict.BROKEN, Words("错", "wrong"))
        if rule.id in {"seeded", "restore"}
        else Judged(rule, Verdict.HOLDS)
        for rule in RULES
    ]
    *_, listed, _counted = as_lines(broken, Language.EN)
    assert listed == "to mend: seeded, restore"


class Astray(Platform):
    """A platform that was told another broker's address."""

    @override
    def report_later(self, lines: list[Line]) -> None:
        """Report where nobody is who asked."""
