"""Test numbers are answered by their table, whatever a simulated platform is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import (
    AFTER,
    BEFORE,
    BLOCKS,
    CUTOFF,
    NOTHING,
    Behaviour,
    Block,
    describe,
)
from unbind_broker.callbacks.demands import Question, fault_of
from unbind_broker.callbacks.finding_lines import FindingLine, read_finding
from unbind_broker.callbacks.lines import read_line
from unbind_broker.callbacks.report import Report
from unbind_broker.demo.clearing import ClearingPlatform, look
from unbind_broker.demo.fixed_outcomes import WithFixedOutcomes
from unbind_broker.demo.outcomes import Mind
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.items.states import REFUSALS
from unbind_broker.orders.states import Action, OrderKind
from unbind_broker.rehearsals.fixed_outcomes import SOON, When
from unbind_broker.rehearsals.telling import Item, Line

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=10)
EVENTS = {
    OrderKind.QUERY: "query.requested",
    OrderKind.UNBIND: "unbind.requested",
    OrderKind.RESTORE: "restore.requested",
}
ALL = (*BLOCKS, NOTHING)
NAMED = {block.name: block for block in ALL}
WORST = Traits(
    refuse_rate=1.0,
    partly_rate=1.0,
    report_rate=1.0,
    interim_rate=1.0,
    late_rate=1.0,
    contradict_rate=1.0,
)
SOONER = SOON.total_seconds()
LATER = 601.5
each_block = pytest.mark.parametrize("block", ALL, ids=lambda block: block.name)


def a_mind(slug: str = "weibo", traits: Traits = WORST) -> WithFixedOutcomes:
    return WithFixedOutcomes(Mind(slug, traits, Dice(7)))


def an_item(
    number: str,
    kind: OrderKind = OrderKind.UNBIND,
    *,
    action: Action = Action.DETACH,
    bound_from: datetime | None = None,
    bound_before: datetime = CUTOFF,
) -> Item:
    prefix = Prefix.QUERY if kind is OrderKind.QUERY else Prefix.ORDER
    return Item(
        event=EVENTS[kind],
        id=format_id(prefix, new_uuid7(NOW)),
        number=number,
        action=action,
        bound_from=bound_from,
        bound_before=bound_before,
        deadline=DEADLINE,
    )


def of(block: Block, kind: OrderKind = OrderKind.UNBIND, **asked: Any) -> Item:
    return an_item(block.number(block.size - 1).e164, kind, **asked)


def told(item: Item) -> tuple[list[object], list[tuple[float, object]]]:
    """The outcomes told at once, and those told later with their seconds."""
    plan = a_mind().plan(item, NOW)
    later = [(after, line["outcome"]) for after, line in plan.later]
    return [line["outcome"] for line in plan.at_once], later


def of_manifest(block: Block, bound_before: datetime = CUTOFF) -> dict[str, Any]:
    return {
        "number": block.number(0).e164,
        "bound_from": None,
        "bound_before": show_instant(bound_before),
        "withdrawn": False,
    }


def findings(entry: dict[str, Any]) -> list[tuple[When, Line]]:
    platform = ClearingPlatform("weibo", WORST, "")
    looked = look(platform, Dice(7), entry, When.LATE)
    return [(when, line) for when, line in looked if line is not None]


@each_block
@pytest.mark.parametrize("kind", OrderKind)
@pytest.mark.parametrize("bound_from", [None, CUTOFF], ids=["former", "present"])
@pytest.mark.parametrize("action", Action)
def test_everything_that_is_told_may_be_told(
    block: Block, kind: OrderKind, bound_from: datetime | None, action: Action
) -> None:
    before = CUTOFF if bound_from is None else NOW
    item = of(block, kind, action=action, bound_from=bound_from, bound_before=before)
    question = Question(
        kind=kind,
        action=action,
        bound_from=bound_from,
        bound_before=before,
        deadline=DEADLINE,
        held=False,
        domains=(),
    )

    plan = a_mind().plan(item, NOW)

    for line in (*plan.at_once, *(line for _, line in plan.later)):
        report = read_line(line)
        assert isinstance(report, Report)
        assert fault_of(question, report) is None
        outside = report.last_bound_at and not question.covers(report.last_bound_at)
        assert not outside or block is NAMED["violating"]


@each_block
def test_outcome_is_the_one_of_the_table_at_every_platform(block: Block) -> None:
    row = describe(block)
    for slug in ("weibo", "zhihu", "douyin"):
        query = a_mind(slug).result(of(block, OrderKind.QUERY))
        unbind = a_mind(slug).result(of(block))
        assert query["outcome"] == row["query"]
        assert (unbind["outcome"], unbind.get("reason")) == (
            row["unbind"],
            row["reason"],
        )
        assert unbind.get("kept", 0) == row["kept"]


@each_block
@pytest.mark.parametrize("kind", OrderKind)
def test_what_is_set_changes_nothing(block: Block, kind: OrderKind) -> None:
    item = of(block, kind)

    plans = [a_mind(traits=one).plan(item, NOW) for one in (WORST, Traits())]

    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (OrderKind.QUERY, "bound"),
        (OrderKind.UNBIND, "unbound"),
        (OrderKind.RESTORE, "restored"),
    ],
)
def test_behaviour_decides_when_it_is_told(kind: OrderKind, result: str) -> None:
    assert told(of(BEFORE, kind)) == ([result], [])
    assert told(of(NAMED["slow"], kind)) == ([], [(SOONER, result)])
    assert told(of(NAMED["late"], kind)) == ([], [(LATER, result)])
    assert told(of(NAMED["contradicting"], kind)) == (
        [result],
        [(SOONER, "refused")],
    )


@pytest.mark.parametrize(
    ("kind", "at_once", "later"),
    [
        (OrderKind.QUERY, ["bound"], []),
        (OrderKind.UNBIND, ["action_required"], [(SOONER, "unbound")]),
        (OrderKind.RESTORE, ["action_required"], [(SOONER, "restored")]),
    ],
)
def test_present_holder_is_asked_before_anything_changes(
    kind: OrderKind, at_once: list[str], later: list[tuple[float, str]]
) -> None:
    assert told(of(NAMED["action-required"], kind)) == (at_once, later)


def test_every_refusal_is_a_number() -> None:
    refused = {a_mind().result(of(block)).get("reason") for block in BLOCKS}
    assert refused >= {reason.value for reason in REFUSALS}


def test_violation_takes_what_is_behind_the_border() -> None:
    violating = NAMED["violating"]

    line = a_mind().result(of(violating))
    far = a_mind().result(of(violating, bound_before=NOW))

    assert (line["outcome"], line["removed"]) == ("unbound", 2)
    assert line["last_bound_at"] == show_instant(CUTOFF + timedelta(days=93))
    assert far["last_bound_at"] == show_instant(NOW)


def test_present_holder_has_their_own_removed_without_a_violation() -> None:
    item = of(NAMED["violating"], bound_from=CUTOFF, bound_before=NOW)
    line = a_mind().result(item)
    assert (line["removed"], line["last_bound_at"]) == (
        1,
        show_instant(CUTOFF + timedelta(days=93)),
    )


@each_block
def test_what_was_removed_can_be_restored_and_nothing_else(block: Block) -> None:
    removal = a_mind().result(of(block))
    restored = a_mind().result(of(block, OrderKind.RESTORE))
    assert ("restorable_until" in removal) == ("removed" in removal)
    assert (restored["outcome"] == "restored") == ("removed" in removal)


def test_accounts_are_closed_where_that_is_asked() -> None:
    close = Action.CLOSE_ACCOUNT
    item = of(AFTER, action=close, bound_from=CUTOFF, bound_before=NOW)
    assert a_mind().result(item)["outcome"] == "closed"


@each_block
def test_clearing_finds_what_an_order_would(block: Block) -> None:
    expected = a_mind().result(of(block))
    found = findings(of_manifest(block))

    for _, line in found:
        assert isinstance(read_finding(line, "CN"), FindingLine)
    if expected["outcome"] == "not_bound":
        assert found == []
    else:
        kept = ("outcome", "reason", "detail", "last_bound_at")
        wanted = {key: expected[key] for key in kept if key in expected}
        number = {"number": block.number(0).e164}
        assert found[0][1] == {**number, **wanted}
    assert findings({**of_manifest(block), "withdrawn": True}) == []


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (Behaviour.PROMPT, [(When.NOW, "unbound")]),
        (Behaviour.ASKING, [(When.NOW, "unbound")]),
        (Behaviour.SLOW, [(When.SOON, "unbound")]),
        (Behaviour.LATE, [(When.LATE, "unbound")]),
        (
            Behaviour.CONTRADICTING,
            [(When.NOW, "unbound"), (When.SOON, "refused")],
        ),
        (Behaviour.VIOLATING, [(When.NOW, "unbound")]),
    ],
)
def test_behaviour_decides_when_a_finding_is_told(
    behaviour: Behaviour, expected: list[tuple[When, str]]
) -> None:
    block = next(one for one in BLOCKS if one.behaviour is behaviour)
    found = findings(of_manifest(block))
    assert [(when, line["outcome"]) for when, line in found] == expected


def test_violation_of_a_clearance_lies_behind_its_own_border() -> None:
    (_, line) = findings(of_manifest(NAMED["violating"], NOW))[0]
    assert line["last_bound_at"] == show_instant(NOW)


@pytest.mark.parametrize("kind", OrderKind)
def test_other_numbers_are_decided_as_they_were(kind: OrderKind) -> None:
    plain = Mind("weibo", WORST, Dice(7))
    for last in (*range(0, 1000, 50), *range(4600, 5000, 50)):
        item = an_item(f"+861380000{last:04}", kind)
        assert a_mind().plan(item, NOW) == plain.plan(item, NOW)
        assert a_mind().result(item) == plain.result(item)
