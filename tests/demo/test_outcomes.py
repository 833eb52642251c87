"""What simulated platforms decide: always the same, and always what may be reported."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.callbacks.demands import Question, fault_of
from unbind_broker.callbacks.lines import read_line
from unbind_broker.callbacks.report import Report
from unbind_broker.demo.outcomes import Mind, parse_item
from unbind_broker.demo.traits import Dice, Traits
from unbind_broker.orders.states import Action, OrderKind
from unbind_broker.rehearsals.telling import Item

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CUTOFF = datetime(2025, 2, 28, 16, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=10)
EVENTS = {
    OrderKind.QUERY: "query.requested",
    OrderKind.UNBIND: "unbind.requested",
    OrderKind.RESTORE: "restore.requested",
}

rates = st.sampled_from([0.0, 0.5, 1.0])
traits = st.builds(
    Traits,
    refuse_rate=rates,
    partly_rate=rates,
    report_rate=rates,
    interim_rate=rates,
    late_rate=rates,
    contradict_rate=rates,
)


def an_item(
    kind: OrderKind = OrderKind.UNBIND,
    *,
    action: Action | None = Action.DETACH,
    bound_from: datetime | None = None,
) -> Item:
    prefix = Prefix.QUERY if kind is OrderKind.QUERY else Prefix.ORDER
    return Item(
        event=EVENTS[kind],
        id=format_id(prefix, new_uuid7(NOW)),
        number="+8613800000234",
        action=action,
        bound_from=bound_from,
        bound_before=CUTOFF if bound_from is None else NOW,
        deadline=DEADLINE,
    )


@given(
    traits,
    st.sampled_from(OrderKind),
    st.sampled_from([None, CUTOFF]),
    st.sampled_from(Action),
)
def test_everything_that_is_told_may_be_told(
    traits: Traits, kind: OrderKind, bound_from: datetime | None, action: Action
) -> None:
    item = an_item(kind, action=action, bound_from=bound_from)
    question = Question(
        kind=kind,
        action=action,
        bound_from=bound_from,
        bound_before=item.bound_before,
        deadline=DEADLINE,
        held=False,
        domains=(),
    )

    plan = Mind("weibo", traits, Dice(7)).plan(item, NOW)

    for line in (*plan.at_once, *(line for _, line in plan.later)):
        report = read_line(line)
        assert isinstance(report, Report)
        assert fault_of(question, report) is None


@given(traits)
def test_the_same_item_always_gets_the_same_plan(traits: Traits) -> None:
    item = an_item()

    plans = [Mind("weibo", traits, Dice(3)).plan(item, NOW) for _ in range(2)]

    assert plans[0] == plans[1]


def test_query_and_order_about_one_number_find_the_same_bindings() -> None:
    for slug in (f"platform-{number}" for number in range(50)):
        mind = Mind(slug, Traits(), Dice())
        found = mind.result(an_item(OrderKind.QUERY))["outcome"] == "bound"
        done = mind.result(an_item(OrderKind.UNBIND))["outcome"] == "unbound"
        assert found == done


def a_platform_with_bindings(traits: Traits) -> Mind:
    minds = (Mind(f"platform-{number}", traits, Dice()) for number in range(50))
    return next(
        mind for mind in minds if mind.result(an_item())["outcome"] != "not_bound"
    )


def test_late_result_comes_after_the_deadline_only() -> None:
    plan = a_platform_with_bindings(Traits(late_rate=1.0)).plan(an_item(), NOW)

    assert plan.at_once == ()
    assert [after for after, _ in plan.later] == [601.5]


def test_late_result_of_a_far_deadline_is_never_sent() -> None:
    far = parse_item(
        "unbind.requested",
        {
            "id": "ord_1",
            "number": "+8613800000234",
            "bound_before": "2025-02-28T16:00:00Z",
            "deadline": "2026-11-27T15:59:59Z",
        },
    )

    plan = Mind("weibo", Traits(late_rate=1.0), Dice()).plan(far, NOW)

    assert (plan.at_once, plan.later) == ((), ())


def test_long_work_is_announced_before_its_result() -> None:
    mind = a_platform_with_bindings(Traits(interim_rate=1.0))

    plan = mind.plan(an_item(), NOW)

    assert [line["outcome"] for line in plan.at_once] == ["in_progress"]
    assert [line["outcome"] for _, line in plan.later] == ["unbound"]


def test_contradiction_follows_the_result_and_differs_from_it() -> None:
    mind = a_platform_with_bindings(Traits(contradict_rate=1.0))

    plan = mind.plan(an_item(), NOW)

    assert [line["outcome"] for line in plan.at_once] == ["unbound"]
    assert [line["outcome"] for _, line in plan.later] == ["refused"]


@pytest.mark.parametrize("missing", ["id", "number", "bound_before", "deadline"])
def test_item_without_a_field_is_refused(missing: str) -> None:
    raw = {
        "id": "ord_1",
        "number": "+8613800000234",
        "bound_before": "2025-02-28T16:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
    }
    del raw[missing]

    with pytest.raises(KeyError, match=missing):
        parse_item("unbind.requested", raw)
