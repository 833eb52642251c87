"""Removals of what nobody asked to remove."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.callbacks.test_demands import CUTOFF, MADE, UNBIND
from tests.callbacks.test_demands import report as a_report
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.guards import APPLYING, INSIDE, OUTSIDE, removed
from tests.support.order_builders import (
    NUMBER,
    POLICY,
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
)
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.judging import Recorded, is_violation, judge
from unbind_broker.callbacks.results import Applied, LineAnswer, LineStatus, apply
from unbind_broker.callbacks.tables import violations
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.states import OUTCOMES, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.tables import notices
from unbind_broker.orders.states import Action, OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.service import Platform, suspend

LATER = NOON + timedelta(hours=1)


class Asked:
    """One platform, asked by one carrier to unbind."""

    def __init__(self, db: Db, platform: Platform, order_id: OrderId) -> None:
        self.db = db
        self.platform = platform
        self.order_id = order_id
        self.id = format_id(Prefix.ORDER, order_id)

    async def report(self, *lines: dict[str, Any], at: datetime = LATER) -> Applied:
        whole = [{"id": self.id, **line} for line in lines]
        return await apply(self.db, at, self.platform.id, whole, APPLYING)

    async def says_removed(self, last_bound_at: str, **more: Any) -> LineAnswer:
        applied = await self.report(removed(self.id, last_bound_at, **more))
        return applied.answers[0]


async def an_asked_platform(
    db: Db,
    *,
    owner_since: date = date(2025, 3, 1),
    scope: Scope = Scope.PREVIOUS_OWNER,
    sensitive: bool = False,
    slug: str = "weibo",
    action: Action | None = None,
) -> Asked:
    carrier = await a_carrier(db)
    offers = ("detach", "close_account")
    platform = await a_reachable_platform(
        db, slug, sensitive=sensitive, capabilities=offers
    )
    wanted = asked(
        owner_since=owner_since, scope=scope, platforms=(slug,), action=action
    )
    order_id = await an_order(db, carrier, wanted)
    # What its undo window holds was let go meanwhile.
    await db.execute(update(orders).values(status=OrderStatus.IN_PROGRESS))
    return Asked(db, platform, order_id)


async def raised(db: Db) -> list[Any]:
    return list((await db.execute(select(violations).order_by(violations.c.id))).all())


async def told(db: Db) -> list[Any]:
    violation = notices.c.event == EventType.ORDER_VIOLATION
    return list((await db.execute(select(notices).where(violation))).all())


async def restores(db: Db) -> list[Any]:
    restoring = orders.c.kind == OrderKind.RESTORE
    found = await db.execute(select(orders).where(restoring).order_by(orders.c.id))
    return list(found.all())


@pytest.mark.parametrize(
    ("owner_since", "last_bound_at", "violates"),
    [
        (date(2025, 3, 1), "2025-02-27T16:00:00Z", False),
        (date(2025, 3, 1), "2025-02-28T15:59:59Z", False),
        (date(2025, 3, 1), "2025-02-28T15:59:59.999999Z", False),
        (date(2025, 3, 1), "2025-02-28T16:00:00Z", True),
        (date(2025, 3, 1), "2025-03-01T16:00:00Z", True),
        # The same instants as clocks in other zones show them.
        (date(2025, 3, 1), "2025-02-28T23:59:59+08:00", False),
        (date(2025, 3, 1), "2025-03-01T00:00:00+08:00", True),
        (date(2025, 3, 1), "2025-02-28T10:59:59-05:00", False),
        (date(2025, 3, 1), "2025-02-28T11:00:00-05:00", True),
        # A first day that only leap years have, and the days beside it.
        (date(2024, 2, 29), "2024-02-28T15:59:59Z", False),
        (date(2024, 2, 29), "2024-02-28T16:00:00Z", True),
        (date(2024, 2, 29), "2024-02-29T12:00:00Z", True),
        (date(2024, 3, 1), "2024-02-29T15:59:59Z", False),
        (date(2024, 3, 1), "2024-02-29T16:00:00Z", True),
        # When the zone still had summer time, an hour ahead: it began its days earlier.
        (date(1989, 7, 1), "1989-06-30T14:59:59Z", False),
        (date(1989, 7, 1), "1989-06-30T15:00:00Z", True),
        (date(2025, 3, 1), "1999-01-01T00:00:00Z", False),
    ],
)
async def test_former_holders_bindings_end_where_the_present_holder_s_day_begins(
    db: Db, owner_since: date, last_bound_at: str, *, violates: bool
) -> None:
    platform = await an_asked_platform(db, owner_since=owner_since)
    answer = await platform.says_removed(last_bound_at)
    assert answer.status is LineStatus.RECORDED
    assert answer.code == ("outside-interval" if violates else None)
    assert len(await raised(db)) == violates


@pytest.mark.parametrize(
    ("last_bound_at", "violates"),
    [
        ("2025-02-28T15:59:59Z", True),
        ("2025-02-28T16:00:00Z", False),
        ("2026-11-20T03:59:59Z", False),
        ("2026-11-20T04:00:00Z", True),
    ],
)
async def test_the_holder_s_own_bindings_begin_there_and_end_with_the_order(
    db: Db, last_bound_at: str, *, violates: bool
) -> None:
    platform = await an_asked_platform(db, scope=Scope.CURRENT_OWNER)
    await platform.says_removed(last_bound_at)
    assert len(await raised(db)) == violates


async def test_a_removal_of_unknown_age_is_no_result(db: Db) -> None:
    platform = await an_asked_platform(db)
    applied = await platform.report(
        {"outcome": "unbound", "removed": 1},
        {"outcome": "refused", "reason": "bound_at_unknown"},
    )
    codes = [(answer.status.value, answer.code) for answer in applied.answers]
    assert codes == [("rejected", "bound-at-missing"), ("recorded", None)]
    assert await raised(db) == []


@pytest.mark.parametrize(
    "line",
    [
        {"outcome": "unbound", "removed": 2},
        {"outcome": "unbound"},
        {
            "outcome": "partly_unbound",
            "removed": 2,
            "kept": 1,
            "reason": "legal_hold",
        },
    ],
)
async def test_a_violation_is_written_down_undone_and_told(
    db: Db, line: dict[str, Any]
) -> None:
    platform = await an_asked_platform(db)
    (answer,) = (await platform.report({**line, "last_bound_at": OUTSIDE})).answers
    assert answer.status is LineStatus.RECORDED
    assert "restore.requested" in (answer.detail or "")
    (violation,) = await raised(db)
    (restore,) = await restores(db)
    assert violation.order_id == platform.order_id
    assert violation.outcome is ItemStatus(line["outcome"])
    assert violation.removed == line.get("removed")
    assert violation.restore_id == restore.id
    assert violation.raised_at == LATER
    assert restore.restores == platform.order_id
    assert restore.status is OrderStatus.IN_PROGRESS
    assert restore.deadline == POLICY.working_time.deadline(LATER).at
    assert not restore.hidden
    item = await item_row(db, ItemKey(restore.id, platform.platform.id))
    assert item.status is ItemStatus.QUEUED
    logged = select(order_log.c.order_id).where(order_log.c.order_id == restore.id)
    assert (await db.execute(logged)).scalars().all() == [restore.id]
    (fact,) = await trail(db, "violation.")
    restore_id = format_id(Prefix.ORDER, restore.id)
    assert fact.actor == "platform:weibo"
    assert fact.facts["restore"] == restore_id
    assert fact.facts["bound_before"] == "2025-02-28T16:00:00Z"
    (notice,) = await told(db)
    assert notice.order_id == platform.order_id
    assert json.loads(notice.data) == {
        "order_id": platform.id,
        "clearance_id": None,
        "reference": None,
        "platform": "weibo",
        "restore_order_id": restore_id,
        "last_bound_at": OUTSIDE,
        "raised_at": "2026-11-20T05:00:00Z",
    }


async def test_an_account_closed_outside_the_interval_is_a_violation(db: Db) -> None:
    platform = await an_asked_platform(
        db, scope=Scope.CURRENT_OWNER, action=Action.CLOSE_ACCOUNT
    )
    await platform.report({"outcome": "closed", "last_bound_at": INSIDE})
    (violation,) = await raised(db)
    assert (violation.outcome, violation.removed) == (ItemStatus.CLOSED, None)


async def test_the_same_claim_is_raised_once(db: Db) -> None:
    platform = await an_asked_platform(db)
    await platform.says_removed(OUTSIDE)
    again = await platform.says_removed(OUTSIDE)
    in_other_words = await platform.says_removed(OUTSIDE, amend=True, detail="sorry")
    contradiction = await platform.says_removed(OUTSIDE, removed=9)
    answers = [answer.status.value for answer in (again, in_other_words, contradiction)]
    assert answers == ["duplicate", "recorded", "conflict"]
    assert in_other_words.code == "outside-interval"
    assert len(await raised(db)) == len(await restores(db)) == 1


async def test_another_claim_is_raised_again(db: Db) -> None:
    platform = await an_asked_platform(db)
    await platform.says_removed(OUTSIDE)
    await platform.says_removed(OUTSIDE, removed=2, amend=True)
    await platform.says_removed("2025-06-02T00:00:00Z", removed=2, amend=True)
    assert len(await raised(db)) == len(await restores(db)) == 3


async def test_a_report_that_wavers_raises_the_last_claim_of_each_item(db: Db) -> None:
    carrier, weibo = await a_carrier(db), await a_reachable_platform(db)
    written = format_id(Prefix.ORDER, await an_order(db, carrier, asked()))
    first, last = removed(written, OUTSIDE), removed(written, "2025-06-02T00:00:00Z")
    nothing = {"id": written, "outcome": "not_bound", "amend": True}
    wavering = [first, nothing, {**first, "amend": True}, {**last, "amend": True}]
    applied = await apply(db, LATER, weibo.id, [*wavering, nothing], APPLYING)
    assert {one.status.value for one in applied.answers} == {"recorded"}
    (violation,) = await raised(db)
    assert violation.last_bound_at == datetime(2025, 6, 2, tzinfo=UTC)
    assert len(await restores(db)) == 1


async def test_an_amendment_can_turn_a_good_result_into_a_violation(db: Db) -> None:
    platform = await an_asked_platform(db)
    await platform.report({"outcome": "not_bound"})
    await platform.says_removed(OUTSIDE, amend=True)
    assert len(await raised(db)) == 1


@pytest.mark.parametrize("status", [ItemStatus.EXPIRED, ItemStatus.CANCELLED])
async def test_a_late_result_can_be_a_violation(db: Db, status: ItemStatus) -> None:
    platform = await an_asked_platform(db)
    key = ItemKey(platform.order_id, platform.platform.id)
    await bring_to(db, key, status)
    await platform.says_removed(OUTSIDE)
    (fact,) = await trail(db, "violation.")
    assert fact.facts["late"] is True


async def test_several_violations_in_one_report_are_each_undone(db: Db) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    lines = []
    for place in range(3):
        number = PhoneNumber(f"+861380000{place:04}")
        order_id = await an_order(db, carrier, asked(number=number))
        lines.append(removed(format_id(Prefix.ORDER, order_id), OUTSIDE))
    await apply(db, LATER, weibo.id, lines, APPLYING)
    assert len(await raised(db)) == 3
    assert {row.restores for row in await restores(db)} == {
        row.order_id for row in await raised(db)
    }


async def test_a_suspended_platform_s_violation_stands_without_a_restore(
    db: Db,
) -> None:
    platform = await an_asked_platform(db)
    await suspend(db, NOON, "weibo", "test")
    assert (await platform.says_removed(OUTSIDE)).status is LineStatus.RECORDED
    (violation,) = await raised(db)
    (fact,) = await trail(db, "violation.")
    (notice,) = await told(db)
    assert violation.restore_id is fact.facts["restore"] is None
    assert json.loads(notice.data)["restore_order_id"] is None
    assert await restores(db) == []


async def test_a_violation_about_a_number_that_was_destroyed_is_still_recorded(
    db: Db,
) -> None:
    platform = await an_asked_platform(db)
    gone = {"number_sealed": None, "number_index": None, "destroyed_at": NOON}
    await db.execute(update(orders).values(gone))
    assert (await platform.says_removed(OUTSIDE)).status is LineStatus.RECORDED
    (violation,) = await raised(db)
    assert violation.restore_id is None


async def test_a_sensitive_platform_s_violation_is_undone_behind_the_carrier_s_back(
    db: Db,
) -> None:
    platform = await an_asked_platform(db, sensitive=True)
    await platform.says_removed(OUTSIDE)
    (restore,) = await restores(db)
    assert restore.hidden
    assert len(await raised(db)) == 1
    assert len(await trail(db, "violation.")) == 1
    assert await told(db) == []


async def test_a_holder_is_told_of_sensitive_platforms_of_its_own(db: Db) -> None:
    platform = await an_asked_platform(db, sensitive=True, scope=Scope.CURRENT_OWNER)
    await platform.says_removed(INSIDE)
    (restore,) = await restores(db)
    assert not restore.hidden
    assert len(await told(db)) == 1


async def test_an_order_that_joined_adds_no_second_violation(db: Db) -> None:
    platform = await an_asked_platform(db)
    other = await a_carrier(db, "china-unicom")
    wanted = asked(number=NUMBER, platforms=("weibo",))
    follower = await an_order(db, other, wanted)
    await platform.says_removed(OUTSIDE)
    (violation,) = await raised(db)
    assert violation.order_id == platform.order_id != follower
    assert len(await restores(db)) == 1


LINES: tuple[dict[str, Any], ...] = (
    removed("", OUTSIDE),
    removed("", OUTSIDE, amend=True),
    removed("", OUTSIDE, amend=True, removed=2),
    removed("", INSIDE),
    {"outcome": "not_bound", "amend": True},
    {"outcome": "refused", "reason": "legal_hold"},
)


async def test_no_sequence_of_reports_ends_outside_without_a_violation(db: Db) -> None:
    platform = await an_asked_platform(db)
    key = ItemKey(platform.order_id, platform.platform.id)
    for sequence in product(LINES, repeat=3):
        await bring_to(db, key, ItemStatus.ACKNOWLEDGED)
        await db.execute(text("UPDATE items SET last_bound_at = NULL, removed = NULL"))
        await db.execute(text("DELETE FROM violations"))
        for line in sequence:
            await platform.report({**line, "id": platform.id})
        item = await item_row(db, key)
        counted = {(row.last_bound_at, row.removed) for row in await raised(db)}
        if item.status is ItemStatus.UNBOUND and item.last_bound_at >= CUTOFF:
            assert (item.last_bound_at, item.removed) in counted
        claims = {(line.get("last_bound_at"), line.get("removed")) for line in sequence}
        assert len(counted) <= len({one for one in claims if one[0] == OUTSIDE})


bound_at = st.sampled_from(
    [CUTOFF + timedelta(days=days) for days in (-30, -1, 0, 1, 30)]
)
reports = st.builds(
    a_report,
    st.sampled_from(sorted(OUTCOMES[OrderKind.UNBIND] - {ItemStatus.CLOSED})),
    amend=st.booleans(),
    last_bound_at=bound_at,
    reason=st.sampled_from([Reason.LEGAL_HOLD, Reason.ACTIVE_AFTER_CUTOFF]),
    removed=st.sampled_from([None, 1, 2]),
)


@given(st.lists(reports, max_size=10))
def test_whatever_is_reported_every_standing_violation_was_raised(
    lines: list[Any],
) -> None:
    item = Item(
        key=ItemKey(OrderId(a_report(ItemStatus.NOT_BOUND).order_id), 7),
        status=ItemStatus.QUEUED,
    )
    claims = set()
    for line in lines:
        verdict = judge(MADE + timedelta(hours=1), UNBIND, item, line)
        if isinstance(verdict, Recorded):
            item = verdict.item
            if verdict.violates:
                claims.add((item.status, item.removed, item.last_bound_at))
    if is_violation(UNBIND, item):
        assert (item.status, item.removed, item.last_bound_at) in claims


async def test_items_of_a_restore_are_counted_nowhere_as_removals(db: Db) -> None:
    platform = await an_asked_platform(db)
    await platform.says_removed(OUTSIDE)
    (restore,) = await restores(db)
    line = {"id": format_id(Prefix.ORDER, restore.id), "outcome": "restored"}
    (answer,) = (await apply(db, LATER, platform.platform.id, [line], APPLYING)).answers
    assert answer.status is LineStatus.RECORDED
    assert len(await raised(db)) == 1
    count = select(func.count()).select_from(items)
    assert (await db.execute(count)).scalar_one() == 2


@pytest.mark.parametrize(
    "about",
    [
        {"order_id": None},
        {"clearance_id": UUID(int=1), "place": 1, "bound_before": NOON},
        {"order_id": None, "clearance_id": UUID(int=1), "place": 1},
    ],
)
async def test_a_violation_is_of_an_order_or_of_a_number_of_a_clearance(
    db: Db, about: dict[str, object]
) -> None:
    platform = await an_asked_platform(db)
    await platform.says_removed(OUTSIDE)
    with pytest.raises(IntegrityError, match="violations_about"):
        await db.execute(update(violations).values(about))


def test_the_cutoff_of_these_tests_is_the_orders_own() -> None:
    assert datetime(2025, 2, 28, 16, tzinfo=UTC) == CUTOFF
