"""Rules about each single result: does it fit, does it say what is needed.

They are judged by what was noticed while the others were tried.
"""

from collections.abc import Collection

from unbind_broker.callbacks.demands import (
    NEEDS_BOUND_AT,
    NEEDS_COUNTS,
    NEEDS_REASON,
)
from unbind_broker.conformance.rule import Check, Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words


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

RULES = tuple(
    Rule(
        name,
        "results",
        Words(zh, en),
        matters,
        nothing_noticed(*codes, about=about),
        When.AFTERWARDS,
    )
    for name, codes, about, zh, en, matters in _NOTICED
)
