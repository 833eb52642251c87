"""Rules about results: do they come, do they fit, do they say what is needed."""

from collections.abc import Collection

from unbind_broker.api.words import Words
from unbind_broker.base.magic_numbers import (
    ACTION_REQUIRED,
    AFTER,
    PARTLY,
    REFUSED,
    Block,
)
from unbind_broker.callbacks.demands import (
    NEEDS_BOUND_AT,
    NEEDS_COUNTS,
    NEEDS_REASON,
)
from unbind_broker.conformance.expecting import expect_outcome
from unbind_broker.conformance.rule import Check, Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import PRESENT, Stage
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.orders.states import Action, OrderKind


def nothing_noticed(
    *codes: str, about: Collection[ItemStatus] = frozenset(ItemStatus)
) -> Check:
    """Make the check that nothing of these kinds was noticed on the way.

    It cannot be judged unless a line of one of the outcomes in question was heard.
    """

    async def check(stage: Stage) -> None:
        found = [one for one in stage.desk.noticed if one.code in codes]
        if found:
            more = len(found) - 1
            zh, en = found[0].words
            raise Broken(
                f"{zh}（另有 {more} 次）" if more else zh,
                f"{en} (and {more} more)" if more else en,
            )
        if not any(asked.said(*about) for asked in stage.desk.asked.values()):
            raise CannotTell("没有出现这样的结果", "no such result was seen")

    return check


async def _taken(stage: Stage) -> None:
    usual = [sent for sent in stage.poster.sent if sent.is_usual]
    missed = [sent for sent in usual if not sent.is_taken]
    if missed:
        count, of, seen = len(missed), len(usual), missed[0].seen
        raise Broken(
            f"{of} 个请求中 {count} 个未被接收：{seen}",
            f"{count} of {of} requests were not taken: {seen}",
        )


async def _comes(stage: Stage) -> None:
    if stage.desk.silences:
        wait = stage.plan.wait.total_seconds()
        raise Broken(
            f"有明细在 {wait:g} 秒内没有最终结果（--wait 可延长）",
            f"items got no final result within {wait:g} s (--wait allows more)",
        )


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
            f"号码段 {block.name}：{outcome}，应为 refused",
            f"block {block.name}: {outcome}, expected refused",
        )
    given = next(one.report.reason for one in asked.heard)
    # Without a reason the line is rejected, and another rule tells of it.
    if given not in (None, reason):
        raise Broken(
            f"号码段 {block.name}：原因为 {given}，应为 {reason}",
            f"block {block.name}: the reason is {given}, expected {reason}",
        )
    return True


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
        raise CannotTell("该平台不提供销户", "it does not close accounts on request")


_REJECTED = Words(
    "不合格的行被拒收，明细就当作没有结果",
    "A line that is wrong is rejected, and its item counts as unanswered.",
)
_ANY: Collection[ItemStatus] = frozenset(ItemStatus)
_NOTICED: tuple[
    tuple[str, tuple[str, ...], Collection[ItemStatus], str, str, Words], ...
] = (
    (
        "outcome-fits",
        ("line-invalid", "outcome-not-possible"),
        _ANY,
        "结果的字段与取值合乎其类型",
        "every line has known fields, and an outcome of its kind",
        _REJECTED,
    ),
    (
        "bound-at-told",
        ("bound-at-missing",),
        NEEDS_BOUND_AT,
        "bound、unbound、partly_unbound、closed 带 last_bound_at",
        "bound, unbound, partly_unbound and closed tell last_bound_at",
        Words(
            "只有它能证明没有误删现机主的绑定",
            "It alone proves that nobody lost a binding of their own.",
        ),
    ),
    (
        "inside-interval",
        ("bound-outside-interval", "outside"),
        NEEDS_BOUND_AT,
        "从不上报区间之外的绑定",
        "nothing outside the interval is ever reported",
        Words(
            "区间之外的解除是违规，会立即要求恢复",
            "A removal outside it is a violation: you are asked at once to undo it, "
            "and the carrier is told.",
        ),
    ),
    (
        "reason-told",
        ("reason-missing", "detail-missing"),
        NEEDS_REASON,
        "refused 与 partly_unbound 带原因，other 带说明",
        "refused and partly_unbound give a reason, other a detail",
        Words("机主有权知道为什么", "People have a right to know why (PIPL)."),
    ),
    (
        "counts-told",
        ("count-missing", "count-contradicts"),
        NEEDS_COUNTS.keys(),
        "数量与结果相符",
        "counts are there and fit the outcome",
        _REJECTED,
    ),
    (
        "action-told",
        ("action-missing", "action-url-refused"),
        {ItemStatus.ACTION_REQUIRED},
        "action_required 带 action，action_url 在平台自己的域名上",
        "action_required names an action; action_url is on a domain of yours",
        Words(
            "链接会给机主打开，不能指向别处（--domain 登记域名）",
            "People open that link; --domain names the domains registered for you.",
        ),
    ),
    (
        "one-result",
        ("conflict",),
        _ANY,
        "一条明细只有一个结果",
        "an item gets one result",
        Words(
            "第一个结果为准；更正须带 amend",
            "The first one stands; amend corrects it.",
        ),
    ),
    (
        "known-items",
        ("unknown",),
        _ANY,
        "只上报请求过的明细",
        "only items that were asked for are reported",
        _REJECTED,
    ),
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
            "close_account：销户，或者拒绝",
            "close_account is closed, or refused",
        ),
        Words(
            "机主明确要求销户时，仅解绑不够",
            "Who asks for an account to be closed is not served by detaching it.",
        ),
        _close_account,
    ),
    *(
        Rule(
            name,
            "results",
            Words(zh, en),
            matters,
            nothing_noticed(*codes, about=about),
            When.AFTERWARDS,
        )
        for name, codes, about, zh, en, matters in _NOTICED
    ),
)
