from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from tests.support.order_builders import NUMBER, POLICY, asked, with_changes
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import OrderId
from unbind_broker.intake import rules
from unbind_broker.intake.asked import AfterQuery, Asked, Consent, OwnWords
from unbind_broker.intake.refusals import (
    ActionNotOffered,
    OwnerSinceIsPortDate,
    PortedInNotCovered,
)
from unbind_broker.orders.states import Action, ConsentMethod, OrderKind, Scope

TODAY = date(2026, 11, 20)  # NOON in Shanghai


def consented(at: datetime) -> Consent:
    return Consent(ConsentMethod.SMS_OTP, at)


def faults(wanted: Asked) -> dict[str, str]:
    try:
        rules.check_fields(wanted, NOON, POLICY)
    except InvalidFields as invalid:
        return {wrong.pointer: wrong.detail for wrong in invalid.errors}
    return {}


def test_an_ordinary_request_has_no_fault() -> None:
    assert faults(asked()) == {}


@pytest.mark.parametrize(
    ("at", "fine"),
    [
        (NOON, True),
        (NOON + rules.CLOCK_SKEW, True),
        (NOON + rules.CLOCK_SKEW + timedelta(seconds=1), False),
        (NOON - timedelta(hours=24), True),
        (NOON - timedelta(hours=24, seconds=1), False),
    ],
)
def test_consent_is_at_most_a_day_old_and_not_of_the_future(
    at: datetime, *, fine: bool
) -> None:
    found = faults(with_changes(asked(), consent=consented(at)))
    assert (found == {}) is fine
    assert fine or set(found) == {"/consent/at"}


@pytest.mark.parametrize(
    ("day", "fine"),
    [
        (TODAY, True),
        (TODAY + timedelta(days=1), False),
        (date(1970, 1, 1), True),
        (date(1969, 12, 31), False),
        (date(1, 1, 1), False),
    ],
)
def test_owner_since_is_not_of_the_future(day: date, *, fine: bool) -> None:
    found = faults(asked(owner_since=day))
    assert (found == {}) is fine
    assert fine or set(found) == {"/owner_since"}


def test_today_is_the_day_of_the_brokers_zone() -> None:
    just_past_midnight = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # the 21st there
    wanted = asked(owner_since=date(2026, 11, 21), now=just_past_midnight)
    rules.check_fields(wanted, just_past_midnight, POLICY)
    with pytest.raises(InvalidFields):
        rules.check_fields(
            wanted, just_past_midnight - timedelta(microseconds=1), POLICY
        )


def test_a_port_of_the_future_is_refused() -> None:
    wanted = with_changes(asked(), ported_in_on=TODAY + timedelta(days=1))
    assert set(faults(wanted)) == {"/ported_in_on"}


def test_orders_about_ones_own_bindings_name_their_platforms() -> None:
    assert set(faults(asked(scope=Scope.CURRENT_OWNER))) == {"/platforms"}
    assert faults(asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))) == {}
    assert faults(asked(OrderKind.QUERY, scope=Scope.CURRENT_OWNER)) == {}


@pytest.mark.parametrize("named", [(), ("weibo", "weibo")])
def test_platforms_are_named_once_or_not_at_all(named: tuple[str, ...]) -> None:
    assert set(faults(asked(platforms=named))) == {"/platforms"}


def test_a_reference_does_not_hold_the_number() -> None:
    plain = NUMBER.e164[3:]
    spaced = f"{plain[:3]} {plain[3:7]}-{plain[7:]}"
    wide = plain.translate({48 + digit: 0xFF10 + digit for digit in range(10)})
    another = "R-13800004321"
    for reference in (NUMBER.e164, plain, f"order-{plain}-1", spaced, wide, another):
        assert set(faults(asked(reference=reference))) == {"/reference"}
    assert faults(asked(reference="20261121000017")) == {}


def test_every_fault_is_told_at_once() -> None:
    wanted = with_changes(
        asked(owner_since=TODAY + timedelta(days=1), platforms=()),
        consent=consented(NOON - timedelta(days=2)),
    )
    assert set(faults(wanted)) == {"/owner_since", "/platforms", "/consent/at"}


def test_a_request_after_a_query_is_judged_by_what_it_says_itself() -> None:
    wanted = with_changes(asked(), about=AfterQuery(OrderId(UUID(int=1))))
    assert faults(wanted) == {}


def test_early_ports_are_not_covered() -> None:
    with pytest.raises(PortedInNotCovered) as refused:
        rules.check_port(date(2020, 12, 31), date(2019, 1, 1), POLICY)
    assert refused.value.errors[0].pointer == "/ported_in_on"
    rules.check_port(date(2021, 1, 1), date(2019, 1, 1), POLICY)
    rules.check_port(None, date(2019, 1, 1), POLICY)


@pytest.mark.parametrize("since", [date(2023, 5, 1), date(2023, 5, 2)])
def test_the_port_is_not_the_holders_beginning(since: date) -> None:
    with pytest.raises(OwnerSinceIsPortDate) as refused:
        rules.check_port(date(2023, 5, 1), since, POLICY)
    assert refused.value.errors[0].pointer == "/owner_since"
    rules.check_port(date(2023, 5, 1), date(2023, 4, 30), POLICY)


def test_only_ones_own_accounts_are_closed() -> None:
    with pytest.raises(ActionNotOffered) as refused:
        rules.check_action(Action.CLOSE_ACCOUNT, Scope.PREVIOUS_OWNER)
    assert refused.value.errors[0].pointer == "/action"
    rules.check_action(Action.CLOSE_ACCOUNT, Scope.CURRENT_OWNER)
    rules.check_action(Action.DETACH, Scope.PREVIOUS_OWNER)
    rules.check_action(None, Scope.PREVIOUS_OWNER)


def test_the_former_holders_interval_ends_at_the_cutoff() -> None:
    found = rules.interval_of(Scope.PREVIOUS_OWNER, date(2025, 3, 1), NOON, POLICY.zone)
    cutoff = datetime(2025, 2, 28, 16, tzinfo=UTC)
    assert found == rules.Interval(cutoff, None, cutoff)


def test_ones_own_interval_runs_from_the_cutoff_to_the_request() -> None:
    now = NOON + timedelta(microseconds=5)
    found = rules.interval_of(Scope.CURRENT_OWNER, date(2025, 3, 1), now, POLICY.zone)
    cutoff = datetime(2025, 2, 28, 16, tzinfo=UTC)
    assert found == rules.Interval(cutoff, cutoff, NOON)


@given(
    since=st.dates(date(1970, 1, 1), TODAY),
    later=st.timedeltas(timedelta(), timedelta(days=9000)),
)
def test_the_two_scopes_share_no_binding_and_leave_no_gap(
    since: date, later: timedelta
) -> None:
    now = NOON + timedelta(hours=13) + later
    former = rules.interval_of(Scope.PREVIOUS_OWNER, since, now, POLICY.zone)
    own = rules.interval_of(Scope.CURRENT_OWNER, since, now, POLICY.zone)
    assert former.bound_before == own.bound_from == former.cutoff == own.cutoff
    assert own.bound_from is not None
    assert own.bound_from <= own.bound_before <= now


def test_queries_have_minutes_and_orders_have_working_days() -> None:
    query = rules.deadline_of(OrderKind.QUERY, NOON, POLICY)
    assert query.at == NOON + timedelta(minutes=10)
    order = rules.deadline_of(OrderKind.UNBIND, NOON, POLICY)
    assert order.at == datetime(2026, 11, 27, 15, 59, 59, tzinfo=UTC)
    assert not query.provisional
    assert not order.provisional


def test_a_rehearsal_shortens_the_deadline_of_orders() -> None:
    short = replace(
        POLICY, working_time=replace(POLICY.working_time, fixed=timedelta(seconds=30))
    )
    found = rules.deadline_of(OrderKind.UNBIND, NOON, short)
    assert found.at == NOON + timedelta(seconds=30)


def test_a_deadline_counted_through_an_unpublished_year_is_provisional() -> None:
    far = datetime(2039, 12, 30, 4, tzinfo=UTC)
    assert rules.deadline_of(OrderKind.UNBIND, far, POLICY).provisional


def test_only_orders_about_ones_own_bindings_are_held() -> None:
    until = NOON + timedelta(hours=24)
    held = rules.held_until(OrderKind.UNBIND, Scope.CURRENT_OWNER, NOON, POLICY)
    assert held == until
    for kind, scope in (
        (OrderKind.UNBIND, Scope.PREVIOUS_OWNER),
        (OrderKind.QUERY, Scope.CURRENT_OWNER),
        (OrderKind.QUERY, Scope.PREVIOUS_OWNER),
    ):
        assert rules.held_until(kind, scope, NOON, POLICY) is None


def test_the_words_of_a_request_are_kept() -> None:
    about = asked().about
    assert isinstance(about, OwnWords)
    assert about.number == NUMBER
    assert NUMBER.e164 not in repr(about)
