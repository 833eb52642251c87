"""Rules about whose binding is whose: the heart of the contract."""

from datetime import timedelta

from unbind_broker.base.magic_numbers import (
    AFTER,
    BEFORE,
    BOTH,
    CUTOFF,
    LAST_SECOND,
    ON_BORDER,
    REFUSED,
    Block,
)
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.expecting import expect_bound, expect_outcome
from unbind_broker.conformance.rule import Rule
from unbind_broker.conformance.said import Broken
from unbind_broker.conformance.stage import FORMER, PRESENT, Stage
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind, Scope


async def _before(stage: Stage) -> None:
    number = await stage.bound_number(BEFORE)
    found = await stage.query(number)
    expect_outcome(found.outcome, ItemStatus.BOUND)
    done = await stage.unbind(number)
    expect_outcome(done.outcome, ItemStatus.UNBOUND)
    (bound_at,) = BEFORE.bound_at
    for report in (found, done):
        if report.last_bound_at != bound_at:
            raise Broken(
                f"last_bound_at 应为 {bound_at:%Y-%m-%dT%H:%M:%SZ}",
                f"expected last_bound_at {bound_at:%Y-%m-%dT%H:%M:%SZ}",
            )


async def _takes_effect(stage: Stage) -> None:
    number = await stage.bound_number(BEFORE)
    expect_outcome((await stage.unbind(number)).outcome, ItemStatus.UNBOUND)
    left = await stage.query(number)
    if left.outcome is not ItemStatus.NOT_BOUND:
        raise Broken(
            f"解绑之后查询得到 {left.outcome}",
            f"a query after the unbinding found {left.outcome}",
        )
    expect_outcome((await stage.unbind(number)).outcome, ItemStatus.NOT_BOUND)


async def _last_second(stage: Stage) -> None:
    """Ask only: where the border lies shows in the query already."""
    await _seeded(stage)
    found = await _said(stage, OrderKind.QUERY, LAST_SECOND)
    expect_outcome(found, ItemStatus.BOUND)


async def _border(stage: Stage) -> None:
    await _expect_spared(stage, ON_BORDER)


async def _after(stage: Stage) -> None:
    await _expect_spared(stage, AFTER)


async def _unknown_date(stage: Stage) -> None:
    await _seeded(stage)
    block = REFUSED["bound_at_unknown"]
    for kind in (OrderKind.QUERY, OrderKind.UNBIND, OrderKind.QUERY):
        asked = await _asked(stage, kind, block)
        expect_outcome(await stage.desk.last_word(asked), ItemStatus.REFUSED)
        reason = (await stage.desk.result(asked)).reason
        if reason is not Reason.BOUND_AT_UNKNOWN:
            raise Broken(
                f"原因为 {reason}，应为 bound_at_unknown",
                f"the reason is {reason}, expected bound_at_unknown",
            )


async def _both(stage: Stage) -> None:
    await _expect_one_removed(stage, FORMER, PRESENT)


async def _current_owner(stage: Stage) -> None:
    earlier = stage.new(OrderKind.QUERY, await stage.bound_number(BEFORE), PRESENT)
    await stage.take(earlier)
    expect_outcome(await stage.desk.last_word(earlier), ItemStatus.NOT_BOUND)
    number = await stage.bound_number(AFTER, PRESENT)
    done = await stage.unbind(number, PRESENT)
    expect_outcome(done.outcome, ItemStatus.UNBOUND)
    await _expect_one_removed(stage, PRESENT, FORMER)


async def _as_given(stage: Stage) -> None:
    """Ask about intervals that nobody would compute from the first day."""
    await _seeded(stage)
    (bound_at,) = AFTER.bound_at
    asked = [
        stage.new_query(AFTER.number(4), PRESENT, CUTOFF, bound_at or CUTOFF),
        stage.new_query(ON_BORDER.number(4), FORMER, None, _ELSEWHERE),
    ]
    expected = ItemStatus.NOT_BOUND, ItemStatus.BOUND
    for one, outcome in zip(asked, expected, strict=True):
        await stage.take(one)
        expect_outcome(await stage.desk.last_word(one), outcome)


async def _expect_one_removed(stage: Stage, scope: Scope, other: Scope) -> None:
    number = await stage.bound_number(BOTH, scope)
    found = await stage.query(number, scope)
    if found.bindings not in (None, 1):
        raise Broken(
            f"bindings 为 {found.bindings}，区间内只有 1 个",
            f"bindings is {found.bindings}, and 1 is in the interval",
        )
    asked = stage.new(OrderKind.UNBIND, number, scope)
    await stage.ask(asked)
    await expect_bound(
        stage,
        number,
        "另一位机主的绑定也被解除",
        "the other holder's binding was removed too",
        other,
    )
    done = await stage.desk.result(asked)
    expect_outcome(done.outcome, ItemStatus.UNBOUND)
    if done.removed not in (None, 1):
        raise Broken(f"removed 为 {done.removed}", f"removed is {done.removed}, not 1")


async def _expect_spared(stage: Stage, block: Block) -> None:
    await _seeded(stage)
    for kind in (OrderKind.QUERY, OrderKind.UNBIND):
        found = await _said(stage, kind, block)
        expect_outcome(found, ItemStatus.NOT_BOUND)
    await expect_bound(
        stage,
        block.number(0),
        "现机主的绑定不在了",
        "the present holder's binding is not there",
        PRESENT,
    )


async def _seeded(stage: Stage) -> None:
    """Make sure that the test numbers are known at all; raises ``CannotTell``."""
    if stage.unseeded is not None:
        raise stage.unseeded


async def _said(stage: Stage, kind: OrderKind, block: Block) -> ItemStatus:
    return await stage.desk.last_word(await _asked(stage, kind, block))


async def _asked(stage: Stage, kind: OrderKind, block: Block) -> Asked:
    asked = stage.new(kind, block.number(0))
    await stage.take(asked)
    return asked


_OWN = Words(
    "误删现机主自己的账号绑定正是 2022 年发生过的事故",
    "People lost their own accounts to this in 2022.",
)
_BORDER = f"{CUTOFF:%Y-%m-%dT%H:%M:%SZ}"
_ELSEWHERE = CUTOFF + timedelta(hours=8)
"""The same border for a broker in another zone."""
_RULES = (
    (
        "before",
        "界限之前的绑定：查询得 bound，解绑得 unbound，时间正确",
        "a binding from before the border is bound, then unbound, at its right time",
        Words(
            "这正是要解除的绑定",
            "That is what a present holder asks to have removed.",
        ),
        _before,
    ),
    (
        "takes-effect",
        "解绑之后不再有绑定",
        "after unbound nothing is bound any more",
        Words(
            "否则前任机主账号的验证码仍会发到现机主手里",
            "Otherwise codes for the former holder's account go on to a stranger.",
        ),
        _takes_effect,
    ),
    (
        "last-second",
        f"界限前一秒（{_BORDER} 之前）的绑定属于前任机主",
        f"a binding of the last second before {_BORDER} is the former holder's",
        Words(
            "按给定的时刻判断，不要换算成本地日期",
            "The border is an instant: do not compare dates.",
        ),
        _last_second,
    ),
    (
        "border",
        "恰在界限的绑定属于现机主，不被触及",
        "a binding made exactly on the border is the present holder's, and stays",
        _OWN,
        _border,
    ),
    (
        "after",
        "界限之后的绑定属于现机主，不被触及",
        "a binding from after the border is the present holder's, and stays",
        _OWN,
        _after,
    ),
    (
        "unknown-date",
        "绑定时间不明：refused / bound_at_unknown，不被触及",
        "a binding of unknown date is refused, bound_at_unknown, and stays",
        Words("它可能属于任何一方", "It may be anybody's; it is in neither interval."),
        _unknown_date,
    ),
    (
        "both",
        "两侧各有绑定时只解除前任机主的",
        "of bindings on both sides only the former holder's is removed",
        _OWN,
        _both,
    ),
    (
        "current-owner",
        "scope 为 current_owner 时只解除现机主自己的",
        "in scope current_owner only the present holder's own is removed",
        Words(
            "按区间 [bound_from, bound_before) 原样执行",
            "Apply [bound_from, bound_before) as it stands, whatever the scope.",
        ),
        _current_owner,
    ),
    (
        "as-given",
        "按给定的 bound_from、bound_before 判断，不自行推算",
        "bound_from and bound_before are taken as given, not worked out anew",
        Words(
            "订单之后新绑定的账号属于机主，不在区间内；系统可能在另一时区",
            "What the holder binds after the order is outside, and a broker may be in "
            "another time zone.",
        ),
        _as_given,
    ),
)

RULES = tuple(
    Rule(f"interval-{name}", "interval", Words(zh, en), matters, check)
    for name, zh, en, matters, check in _RULES
)
