"""Rules about putting back what was detached by mistake."""

from unbind_broker.api.words import Words
from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.expecting import expect_bound, expect_outcome
from unbind_broker.conformance.rule import Rule
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind


async def _restore(stage: Stage) -> None:
    number, undone = await _detached(stage)
    await _put_back(stage, undone)
    found = await stage.query(number)
    expect_outcome(found.outcome, ItemStatus.BOUND)
    if undone.result is None or found.last_bound_at != undone.result.last_bound_at:
        raise Broken(
            "恢复后的绑定时间变了",
            "the binding that came back has another date than before",
        )


async def _repeated_after(stage: Stage) -> None:
    number, undone = await _detached(stage)
    await _put_back(stage, undone)
    if (await stage.query(number)).outcome is not ItemStatus.BOUND:
        raise CannotTell(
            "恢复之后没有绑定（见 restore）",
            "nothing is bound after the undoing (see restore)",
        )
    undone.repeated = True
    await stage.post([undone])
    await expect_bound(
        stage,
        number,
        "恢复之后重来的请求又被执行",
        "the unbinding that came again after it was undone was acted on",
    )


async def _nothing_to_undo(stage: Stage) -> None:
    """Ask to undo an order that was never sent."""
    never_sent = stage.new(OrderKind.UNBIND, NOTHING.number(13))
    asked = stage.new_restore(never_sent)
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    expect_outcome(outcome, ItemStatus.NOT_BOUND, ItemStatus.REFUSED)


async def _detached(stage: Stage) -> tuple[PhoneNumber, Asked]:
    number = await stage.bound_number(BEFORE)
    asked = stage.new(OrderKind.UNBIND, number)
    done = await stage.ask(asked)
    if done.outcome is not ItemStatus.UNBOUND or done.restorable_until is None:
        raise CannotTell(
            "结果没有给出 restorable_until", "its results tell no restorable_until"
        )
    return number, asked


async def _put_back(stage: Stage, undone: Asked) -> None:
    asked = stage.new_restore(undone)
    await stage.take(asked)
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.RESTORED)


RULES = (
    Rule(
        "restore",
        "restoring",
        Words(
            "restorable_until 之前可恢复，绑定时间不变",
            "until restorable_until a removal can be undone, with its old date",
        ),
        Words(
            "错误的日期会使机主失去自己的账号",
            "A carrier's wrong date costs people their accounts until you undo it.",
        ),
        _restore,
    ),
    Rule(
        "restore-then-repeat",
        "restoring",
        Words(
            "恢复之后，重来的解绑请求不再执行",
            "an unbinding that comes again after it was undone is not acted on",
        ),
        Words(
            "投递至少一次：重复可能晚于恢复到达",
            "Delivery is at least once: a repetition may come after the undoing.",
        ),
        _repeated_after,
    ),
    Rule(
        "restore-nothing",
        "restoring",
        Words(
            "没有解除过的不报 restored",
            "where nothing was detached, restored is not claimed",
        ),
        Words(
            "机主会以为账号已经恢复",
            "The holder would believe that an account is theirs again.",
        ),
        _nothing_to_undo,
    ),
)
