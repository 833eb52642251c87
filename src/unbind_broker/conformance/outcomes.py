"""Rules about results: do they come, and are they those that the case asks for."""

from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.magic_numbers import (
    ACTION_REQUIRED,
    AFTER,
    PARTLY,
    REFUSED,
    Block,
)
from unbind_broker.conformance.asked import span
from unbind_broker.conformance.expecting import expect_outcome
from unbind_broker.conformance.rule import Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import PRESENT, Stage
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.words import Words
from unbind_broker.orders.states import Action, OrderKind


async def _taken(stage: Stage) -> None:
    usual = [sent for sent in stage.poster.sent if sent.is_usual]
    missed = [sent for sent in usual if not sent.is_taken]
    if missed:
        count, of, first = len(missed), len(usual), missed[0]
        raise Broken(
            f"{of} 个请求中 {count} 个未被接收：{first.seen_zh}",
            f"{count} of {of} requests were not taken: {first.seen}",
        )


async def _comes(stage: Stage) -> None:
    if not stage.desk.silences:
        return
    wait = stage.plan.wait.total_seconds()
    zh = f"有明细在 {wait:g} 秒内没有最终结果（--wait 可延长）"
    en = f"items got no final result within {wait:g} s (--wait allows more)"
    if not (stage.desk.calls or stage.desk.noticed or stage.desk.heard_any):
        zh += "；没有任何上报到达：那里的 UNBIND_URL 是本程序的地址吗？"
        en += "; no report ever came here: is UNBIND_URL there the address of this kit?"
    raise Broken(zh, en)


async def _refusals(stage: Stage) -> None:
    seeded = 0
    for reason, block in REFUSED.items():
        if reason != Reason.BOUND_AT_UNKNOWN:
            seeded += await _is_refused(stage, Reason(reason), block)
    if not seeded:
        raise CannotTell(
            "拒绝原因的号码段都没有种入", "no block of a refusal is seeded"
        )


async def _is_refused(stage: Stage, reason: Reason, block: Block) -> bool:
    """Tell whether the block is seeded; raises ``Broken``."""
    asked = stage.new(OrderKind.UNBIND, block.number(0))
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    if outcome is ItemStatus.NOT_BOUND:
        return False
    if outcome is not ItemStatus.REFUSED:
        raise Broken(
            f"测试号码 {span(block)}：{outcome}，应为 refused",
            f"test numbers {span(block)}: {outcome}, expected refused",
        )
    given = next(one.report.reason for one in asked.heard)
    # Without a reason the line is rejected, and another rule tells of it.
    if given not in (None, reason):
        raise Broken(
            f"测试号码 {span(block)}：原因为 {given}，应为 {reason}",
            f"test numbers {span(block)}: the reason is {given}, expected {reason}",
        )
    return True


async def _counts(stage: Stage) -> None:
    if stage.unseeded is not None:
        raise stage.unseeded
    asked = stage.new(OrderKind.QUERY, PARTLY.number(1))
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    if outcome is ItemStatus.NOT_BOUND:
        raise CannotTell(
            f"测试号码 {span(PARTLY)} 没有种入",
            f"the test numbers {span(PARTLY)} are not seeded",
        )
    expect_outcome(outcome, ItemStatus.BOUND)
    found = await stage.desk.result(asked)
    newest = max(at for at in PARTLY.bound_at if at is not None)
    if (found.bindings, found.last_bound_at) != (len(PARTLY.bound_at), newest):
        at, wanted = show_instant_or_null(found.last_bound_at), show_instant(newest)
        raise Broken(
            f"bindings {found.bindings}、last_bound_at {at}，应为 2 与 {wanted}",
            f"{found.bindings} bindings, last_bound_at {at}; expected 2 and {wanted}",
        )


async def _partly(stage: Stage) -> None:
    number = await stage.bound_number(PARTLY)
    asked = stage.new(OrderKind.UNBIND, number)
    await stage.take(asked)
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.PARTLY_UNBOUND)
    done = await stage.desk.result(asked)
    if (done.removed, done.kept) != (1, PARTLY.kept):
        raise Broken(
            f"removed {done.removed}、kept {done.kept}，应各为 1",
            f"removed {done.removed} and kept {done.kept}, expected 1 and 1",
        )


async def _action_required(stage: Stage) -> None:
    number = await stage.bound_number(ACTION_REQUIRED)
    asked = stage.new(OrderKind.UNBIND, number)
    await stage.take(asked)
    if not await stage.desk.hears(asked.spoken):
        raise Broken("没有任何消息", "nothing was said of it")
    if not asked.said(ItemStatus.ACTION_REQUIRED):
        raise CannotTell(
            "该平台不要求现机主操作", "it asks nothing of the present holder"
        )


async def _close_account(stage: Stage) -> None:
    number = await stage.bound_number(AFTER, PRESENT)
    asked = stage.new(OrderKind.UNBIND, number, PRESENT, Action.CLOSE_ACCOUNT)
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    expect_outcome(outcome, ItemStatus.CLOSED, ItemStatus.REFUSED)
    if outcome is ItemStatus.REFUSED:
        raise CannotTell(
            "该平台不提供注销账号", "it does not close accounts on request"
        )


RULES = (
    Rule(
        "taken",
        "answers",
        Words(
            "每个正确的请求都在 10 秒内应答 2xx",
            "every right request is answered 2xx within 10 s",
        ),
        Words(
            "失败会重试，多次失败后端点被断开",
            "Failures are repeated, and many of them cut the endpoint off.",
        ),
        _taken,
        When.AFTERWARDS,
    ),
    Rule(
        "result-comes",
        "results",
        Words("每条明细都有最终结果", "every item gets a final result"),
        Words(
            "没有结果的明细到期后记为超时",
            "What has none by its deadline is expired, and counts against you.",
        ),
        _comes,
        When.AFTERWARDS,
    ),
    Rule(
        "refusals",
        "refusals",
        Words(
            "不能解绑的以对应原因拒绝",
            "what must not be detached is refused, for its reason",
        ),
        Words(
            "资产、冻结、欺诈等情况须保留账号；没有的情形不必种入",
            "Open assets, a freeze or fraud keep an account. Leave a block out if you "
            "have no case.",
        ),
        _refusals,
    ),
    Rule(
        "query-counts",
        "queries",
        Words(
            "有两个绑定：bindings 为 2，last_bound_at 取较新者",
            "where two are bound: bindings 2, and last_bound_at is the newer one's",
        ),
        Words(
            "机主据此得知还有几个账号；最新的日期证明都在区间内",
            "The holder learns how many there are; the newest date proves that all of "
            "them are inside.",
        ),
        _counts,
    ),
    Rule(
        "partly",
        "refusals",
        Words(
            "只能解除一部分：partly_unbound，带 removed 与 kept",
            "where one of two can be detached: partly_unbound, removed 1 and kept 1",
        ),
        Words(
            "不能因一个账号而不处理其余",
            "One account that has to stay does not keep the others.",
        ),
        _partly,
    ),
    Rule(
        "action-required",
        "refusals",
        Words(
            "需要现机主操作时先报 action_required",
            "where something is needed of the holder, action_required says so",
        ),
        Words("机主会在运营商的应用里看到", "The holder sees it in the carrier's app."),
        _action_required,
    ),
    Rule(
        "close-account",
        "accounts",
        Words(
            "close_account：注销账号，或者拒绝",
            "close_account is closed, or refused",
        ),
        Words(
            "机主明确要求注销账号时，仅解绑不够",
            "Who asks for an account to be closed is not served by detaching it.",
        ),
        _close_account,
    ),
)
