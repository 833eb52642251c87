"""What several rules expect."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.posting import Sent
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import FORMER, Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import Scope

_CLIENT_ERRORS = range(400, 500)


def expect_taken(sent: Sent) -> None:
    """Expect a 2xx in time."""
    if not sent.is_taken:
        raise Broken(
            f"应答：{sent.seen_zh}，应为 2xx", f"saw {sent.seen}, expected 2xx"
        )


def expect_client_error(sent: Sent, what: str = "") -> None:
    """Expect that something was refused; ``what`` it was is told, where it matters."""
    if sent.status not in _CLIENT_ERRORS or sent.status == HTTPStatus.GONE:
        zh, en = (f"{what}：", f"{what}: ") if what else ("", "")
        raise Broken(
            f"{zh}应答：{sent.seen_zh}，应为 401 或 400",
            f"{en}saw {sent.seen}, expected 401 or 400",
        )


def expect_outcome(found: ItemStatus, *expected: ItemStatus) -> None:
    """Expect one of these outcomes."""
    if found not in expected:
        wanted = " / ".join(expected)
        raise Broken(f"结果为 {found}，应为 {wanted}", f"{found}, expected {wanted}")


async def expect_bound(
    stage: Stage, number: PhoneNumber, zh: str, en: str, scope: Scope = FORMER
) -> None:
    """Expect that a number is still bound; otherwise this is what was done to it."""
    found = await stage.query(number, scope)
    if found.outcome is not ItemStatus.BOUND:
        raise Broken(
            f"{zh}（之后查询得到 {found.outcome}）",
            f"{en} (a query afterwards found {found.outcome})",
        )


async def presume_detached(stage: Stage, number: PhoneNumber) -> None:
    """Raise ``CannotTell`` where an unbinding took no effect: its own rule says so."""
    if (await stage.query(number)).outcome is ItemStatus.BOUND:
        raise CannotTell(
            "解绑没有生效（见 interval-takes-effect）",
            "the unbinding took no effect (see interval-takes-effect)",
        )


def expect_no_removal(asked: Asked) -> None:
    """Expect that nobody says that anything was detached."""
    if asked.removals:
        raise Broken("上报了解除绑定的结果", "it reported that a binding was detached")


def expect_nothing_said(asked: Asked) -> None:
    """Expect that a request that had to be refused was not acted on."""
    if asked.heard:
        raise Broken("对被拒绝的请求上报了结果", "it reported a result of the request")


def expect_one_result(asked: Asked) -> None:
    """Expect that an item that was sent twice has one result."""
    if asked.contradictions and asked.result is not None:
        other = asked.contradictions[0].report.outcome
        first = asked.result.outcome
        raise Broken(
            f"先是 {first}，重复之后是 {other}", f"{first} first, {other} when repeated"
        )


async def expect_all_told(stage: Stage, asked: Sequence[Asked]) -> None:
    """Expect that items that were sent together each got a result."""
    came = await asyncio.gather(*(stage.desk.hears(one.settled) for one in asked))
    silent = came.count(False)
    if silent:
        size = len(asked)
        raise Broken(
            f"{size} 条明细中 {silent} 条没有结果",
            f"{silent} of {size} items got no result",
        )
