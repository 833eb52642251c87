"""Rules about what one request holds: one item, many, of several holders, old ones."""

from datetime import timedelta

from unbind_broker.base.magic_numbers import AFTER, BEFORE, NOTHING
from unbind_broker.conformance.expecting import (
    expect_all_told,
    expect_outcome,
    expect_taken,
)
from unbind_broker.conformance.posting import new_webhook_id
from unbind_broker.conformance.rule import Rule
from unbind_broker.conformance.said import CannotTell
from unbind_broker.conformance.stage import FORMER, PRESENT, Stage
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind

_OLD = timedelta(days=4)
_MIXED = (
    (BEFORE.number(3), FORMER, ItemStatus.BOUND),
    (BEFORE.number(3), PRESENT, ItemStatus.NOT_BOUND),
    (AFTER.number(3), PRESENT, ItemStatus.BOUND),
    (AFTER.number(3), FORMER, ItemStatus.NOT_BOUND),
)


async def _batch_of_one(stage: Stage) -> None:
    asked = stage.new(OrderKind.UNBIND, NOTHING.number(10))
    expect_taken(await stage.post([asked], webhook_id=new_webhook_id()))
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.NOT_BOUND)


async def _full_batch(stage: Stage) -> None:
    size = stage.plan.max_batch
    if size == 1:
        raise CannotTell("max_batch 为 1", "max_batch is 1")
    bound = stage.new(OrderKind.UNBIND, await stage.bound_number(BEFORE))
    clean = [
        stage.new(OrderKind.UNBIND, NOTHING.number(100 + place))
        for place in range(size - 1)
    ]
    batch = [*clean, bound]
    expect_taken(await stage.post(batch, webhook_id=new_webhook_id()))
    await expect_all_told(stage, batch)
    expect_outcome(await stage.desk.last_word(bound), ItemStatus.UNBOUND)
    for one in clean:
        expect_outcome(await stage.desk.last_word(one), ItemStatus.NOT_BOUND)


async def _mixed_batch(stage: Stage) -> None:
    """Ask in one request about numbers in both scopes."""
    if stage.unseeded is not None:
        raise stage.unseeded
    if stage.plan.max_batch == 1:
        raise CannotTell("max_batch 为 1", "max_batch is 1")
    wanted = _MIXED[: stage.plan.max_batch]
    asked = [stage.new(OrderKind.QUERY, number, scope) for number, scope, _ in wanted]
    expect_taken(await stage.post(asked, webhook_id=new_webhook_id()))
    await expect_all_told(stage, asked)
    for one, (_, _, outcome) in zip(asked, wanted, strict=True):
        expect_outcome(await stage.desk.last_word(one), outcome)


async def _old_order(stage: Stage) -> None:
    number = await stage.bound_number(BEFORE)
    asked = stage.new(OrderKind.UNBIND, number, age=_OLD)
    expect_taken(await stage.post([asked], webhook_id=new_webhook_id()))
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.UNBOUND)


RULES = (
    Rule(
        "batch-of-one",
        "batches",
        Words("单条明细的批次有结果", "a batch of one item gets its result"),
        Words("批次大小从 1 到 max_batch 不等", "Batches have 1 to max_batch items."),
        _batch_of_one,
    ),
    Rule(
        "batch-full",
        "batches",
        Words(
            "max_batch 条明细的批次，每条都有结果",
            "in a batch of max_batch items each gets a result of its own",
        ),
        Words(
            "2xx 即表示接收了每一条明细",
            "A 2xx takes every item of the batch, and each is waited for.",
        ),
        _full_batch,
    ),
    Rule(
        "batch-mixed",
        "batches",
        Words(
            "同一批次中每条明细按自己的区间判断，同一号码可出现两次",
            "in a batch each item goes by its own interval, a number may come twice",
        ),
        Words(
            "一个批次里有不同运营商、不同机主的明细",
            "A batch holds items of several carriers and of several holders.",
        ),
        _mixed_batch,
    ),
    Rule(
        "old-order",
        "batches",
        Words(
            "几天前创建的订单照常执行",
            "an order that was made days ago is acted on",
        ),
        Words(
            "故障之后会补发；重放由签名的时间戳防止",
            "After an outage of yours it comes late. Against replays there is the "
            "timestamp of the signature.",
        ),
        _old_order,
    ),
)
