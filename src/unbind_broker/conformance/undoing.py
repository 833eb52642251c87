"""Rules about putting back what was detached by mistake."""

from unbind_broker.base.magic_numbers import BEFORE, BOTH, NOTHING
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.report import Report
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.expecting import (
    expect_bound,
    expect_one_result,
    expect_outcome,
    expect_taken,
    presume_detached,
)
from unbind_broker.conformance.rule import Recheck, Rule
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import PRESENT, Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind


async def _restore(stage: Stage) -> None:
    number, undone = await _detached(stage)
    asked = stage.new_restore(undone)
    await stage.take(asked)
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.RESTORED)
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
    undone.repeated = True
    await stage.post([undone])
    await expect_bound(
        stage,
        number,
        "恢复之后重来的请求又被执行",
        "the unbinding that came again after it was undone was acted on",
    )


async def _restored_twice(stage: Stage) -> Recheck:
    number, undone = await _detached(stage)
    restore = await _put_back(stage, undone)
    restore.repeated = True
    expect_taken(await stage.post([restore]))
    await stage.query(number)
    expect_one_result(restore)
    return lambda: expect_one_result(restore)


async def _exactly_that(stage: Stage) -> None:
    """Detach for both holders, and undo what was done for one of them."""
    number = await stage.bound_number(BOTH)
    undone = stage.new(OrderKind.UNBIND, number, PRESENT)
    for asked in (stage.new(OrderKind.UNBIND, number), undone):
        _expect_restorable(await stage.ask(asked))
    await presume_detached(stage, number)
    await _put_back(stage, undone)
    if (await stage.query(number)).outcome is ItemStatus.BOUND:
        raise Broken(
            "另一订单解除的绑定也回来了",
            "what another order had detached came back, too",
        )


async def _anew(stage: Stage) -> None:
    number, undone = await _detached(stage)
    await _put_back(stage, undone)
    anew = stage.new(OrderKind.UNBIND, number)
    await stage.take(anew)
    expect_outcome(await stage.desk.last_word(anew), ItemStatus.UNBOUND)


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
    _expect_restorable(await stage.ask(asked))
    return number, asked


def _expect_restorable(done: Report) -> None:
    if done.outcome is not ItemStatus.UNBOUND or done.restorable_until is None:
        raise CannotTell(
            "结果没有给出 restorable_until", "its results tell no restorable_until"
        )


async def _put_back(stage: Stage, undone: Asked) -> Asked:
    """Undo an order; raises ``CannotTell`` where it is not bound afterwards."""
    asked, number = stage.new_restore(undone), undone.outgoing.number
    await stage.take(asked)
    outcome = await stage.desk.last_word(asked)
    assert number is not None  # noqa: S101 - the kit's own numbers are readable
    found = await stage.query(number, undone.outgoing.scope)
    if (outcome, found.outcome) != (ItemStatus.RESTORED, ItemStatus.BOUND):
        raise CannotTell("没有恢复（见 restore）", "it was not undone (see restore)")
    return asked


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
        "restore-twice",
        "restoring",
        Words(
            "重复到达的恢复请求结果不变",
            "a restore that comes again gets the result that it had",
        ),
        Words(
            "恢复的投递同样至少一次",
            "Restores are delivered at least once, like everything else.",
        ),
        _restored_twice,
    ),
    Rule(
        "restore-only-that",
        "restoring",
        Words(
            "只恢复 restores 所指订单解除的绑定",
            "only what the order in restores detached comes back",
        ),
        Words(
            "另一订单解除的属于另一位机主",
            "What another order detached was somebody else's.",
        ),
        _exactly_that,
    ),
    Rule(
        "restore-then-anew",
        "restoring",
        Words(
            "恢复之后，新的订单照常执行",
            "after something was undone, another order is acted on",
        ),
        Words(
            "运营商更正日期后会重新下单",
            "A carrier that has mended its date asks again, under another id.",
        ),
        _anew,
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
