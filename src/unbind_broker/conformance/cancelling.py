"""Rules about cancellations: before the request, after it, and of nothing else."""

from unbind_broker.base.magic_numbers import BEFORE
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.expecting import (
    expect_bound,
    expect_no_removal,
    expect_one_result,
    expect_outcome,
    expect_taken,
    presume_detached,
)
from unbind_broker.conformance.posting import new_webhook_id
from unbind_broker.conformance.rule import Recheck, Rule
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.payloads import OutgoingCancel, payload

_TOGETHER = 2


def cancelling(stage: Stage, *asked: Asked) -> bytes:
    """Write the webhook that calls items back."""
    now = stage.now()
    cancels = [
        OutgoingCancel(
            one.outgoing.order_id,
            one.outgoing.kind,
            Reason.BY_CARRIER,
            now,
            one.outgoing.deadline,
        )
        for one in asked
    ]
    return payload(EventType.UNBIND_CANCELLED, now, cancels)


async def _cancelled_first(stage: Stage) -> Recheck:
    count = min(_TOGETHER, stage.plan.max_batch)
    numbers = [await stage.bound_number(BEFORE) for _ in range(count)]
    asked = await _call_back(stage, numbers)
    for number in numbers:
        await expect_bound(
            stage,
            number,
            "取消后到达的请求仍被执行",
            "the cancelled request was acted on",
        )

    def recheck() -> None:
        for one in asked:
            expect_no_removal(one)

    return recheck


async def _only_that(stage: Stage) -> None:
    number = await stage.bound_number(BEFORE)
    await _call_back(stage, [number])
    anew = stage.new(OrderKind.UNBIND, number)
    await stage.take(anew)
    expect_outcome(await stage.desk.last_word(anew), ItemStatus.UNBOUND)


async def _too_late(stage: Stage) -> Recheck:
    number = await stage.bound_number(BEFORE)
    asked = stage.new(OrderKind.UNBIND, number)
    if (await stage.ask(asked)).outcome is not ItemStatus.UNBOUND:
        raise CannotTell(
            "解绑没有得 unbound（见 interval-before）",
            "the unbinding did not end as unbound (see interval-before)",
        )
    await presume_detached(stage, number)
    asked.repeated = True
    expect_taken(await stage.tell(cancelling(stage, asked)))
    if (await stage.query(number)).outcome is ItemStatus.BOUND:
        raise Broken(
            "取消使已解除的绑定又回来了",
            "what was detached, and told as detached, is bound again",
        )
    expect_one_result(asked)
    return lambda: expect_one_result(asked)


async def _call_back(stage: Stage, numbers: list[PhoneNumber]) -> list[Asked]:
    """Cancel orders about these numbers, and send them after it."""
    asked = [stage.new(OrderKind.UNBIND, number) for number in numbers]
    expect_taken(await stage.tell(cancelling(stage, *asked)))
    expect_taken(await stage.post(asked, webhook_id=new_webhook_id()))
    return asked


RULES = (
    Rule(
        "cancel-first",
        "cancellations",
        Words(
            "先到的 unbind.cancelled 使后到的请求不被执行",
            "requests that come after their unbind.cancelled are not acted on",
        ),
        Words(
            "取消可能先于请求到达；机主已经反悔",
            "A cancellation may overtake its request: the holder has changed their "
            "mind, so remember cancelled ids.",
        ),
        _cancelled_first,
    ),
    Rule(
        "cancel-only-that",
        "cancellations",
        Words(
            "取消之后，同一号码的新订单照常执行",
            "after a cancellation another order about the same number is acted on",
        ),
        Words(
            "取消的是该 id 的订单，不是号码",
            "What is cancelled is an id, not a number.",
        ),
        _only_that,
    ),
    Rule(
        "cancel-too-late",
        "cancellations",
        Words(
            "已完成后到达的取消应答 2xx，什么也不改变",
            "a cancellation of what is done is answered 2xx and changes nothing",
        ),
        Words(
            "结果已经告知机主；需要恢复时会另有 restore.requested",
            "The holder knows the result. What is to be undone comes as "
            "restore.requested.",
        ),
        _too_late,
    ),
)
