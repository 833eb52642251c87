"""Rules about delivery: repetitions, reminders, and things unknown."""

import asyncio
import json

from unbind_broker.base.instants import show_instant
from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.expecting import (
    expect_all_told,
    expect_bound,
    expect_nothing_said,
    expect_one_result,
    expect_outcome,
    expect_taken,
)
from unbind_broker.conformance.posting import encode, new_webhook_id
from unbind_broker.conformance.rule import Recheck, Rule, When
from unbind_broker.conformance.said import CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.payloads import OutgoingReminder, payload


async def _same_webhook_id(stage: Stage) -> Recheck:
    asked = await _repeatable(stage)
    webhook_id, body = new_webhook_id(), stage.body_of([asked])
    expect_taken(await stage.post([asked], webhook_id=webhook_id, body=body))
    await stage.desk.result(asked)
    expect_taken(await stage.post([asked], webhook_id=webhook_id, body=body))
    return await _one_result(stage, asked)


async def _other_webhook_id(stage: Stage) -> Recheck:
    asked = await _repeatable(stage)
    expect_taken(await stage.post([asked]))
    await stage.desk.result(asked)
    beside = stage.new(OrderKind.UNBIND, NOTHING.number(11))
    together = [asked] if stage.plan.max_batch == 1 else [beside, asked]
    expect_taken(await stage.post(together))
    if beside in together:
        await expect_all_told(stage, [beside])
    return await _one_result(stage, asked)


async def _twice_at_once(stage: Stage) -> Recheck:
    if stage.plan.max_concurrency == 1:
        raise CannotTell("max_concurrency 为 1", "max_concurrency is 1")
    asked = await _repeatable(stage)
    for sent in await asyncio.gather(stage.post([asked]), stage.post([asked])):
        expect_taken(sent)
    await stage.desk.result(asked)
    return await _one_result(stage, asked)


async def _unknown_fields(stage: Stage) -> None:
    asked = stage.new(OrderKind.UNBIND, await stage.bound_number(BEFORE))
    read = json.loads(stage.body_of([asked]))
    stranger = {"x_new": {"deep": [1, None]}}
    (item,) = read["data"]["items"]
    data = {**read["data"], **stranger, "items": [{**item, **stranger}]}
    body = encode({**read, **stranger, "data": data})
    expect_taken(await stage.post([asked], body=body))
    expect_outcome(await stage.desk.last_word(asked), ItemStatus.UNBOUND)


async def _unknown_type(stage: Stage) -> Recheck:
    """Send some that nobody knows, one of them about a number that is bound."""
    at = show_instant(stage.now())
    data = {"items": [{"id": "x", "number": NOTHING.number(12).e164}]}
    body = encode({"type": "weather.changed", "timestamp": at, "data": data})
    expect_taken(await stage.tell(body))
    expect_taken(await stage.tell(encode({"type": "weather.changed", "data": None})))
    number = await stage.bound_number(BEFORE)
    asked = stage.new(OrderKind.UNBIND, number)
    asked.must_not = True
    known, unknown = EventType.UNBIND_REQUESTED.encode(), b"unbind.rehearsed"
    body = stage.body_of([asked]).replace(known, unknown, 1)
    expect_taken(await stage.post([asked], body=body))
    await expect_bound(
        stage, number, "unbind.rehearsed 被当作请求", "unbind.rehearsed was acted on"
    )
    return lambda: expect_nothing_said(asked)


async def _reminder(stage: Stage) -> Recheck:
    asked = await _repeatable(stage)
    expect_taken(await stage.post([asked]))
    await stage.desk.result(asked)
    reminder = OutgoingReminder(
        asked.outgoing.order_id, OrderKind.UNBIND, None, asked.outgoing.deadline
    )
    body = payload(EventType.UNBIND_REMINDER, stage.now(), [reminder])
    expect_taken(await stage.tell(body))
    return await _one_result(stage, asked)


async def _repeatable(stage: Stage) -> Asked:
    asked = stage.new(OrderKind.UNBIND, await stage.bound_number(BEFORE))
    asked.repeated = True
    return asked


async def _one_result(stage: Stage, asked: Asked) -> Recheck:
    """Ask something else, so that what a repetition sets off comes before it."""
    number = asked.outgoing.number
    assert number is not None  # noqa: S101 - the kit's own numbers are readable
    await stage.query(number)
    expect_one_result(asked)
    return lambda: expect_one_result(asked)


_AT_LEAST_ONCE = Words(
    "投递至少一次；明细 id 是幂等键，重复时结果须相同",
    "Delivery is at least once. The item id is the idempotency key: whoever acts twice "
    "contradicts the first result, which stands.",
)
_GROWS = Words(
    "接口会增加字段与类型；忽略不认识的即可",
    "Fields and types are added over time; what you do not know is to be ignored.",
)

RULES = (
    Rule(
        "duplicate-same-webhook-id",
        "repetitions",
        Words(
            "同一 webhook-id 的重复请求只执行一次",
            "a request that comes again is acted on once",
        ),
        _AT_LEAST_ONCE,
        _same_webhook_id,
    ),
    Rule(
        "duplicate-other-webhook-id",
        "repetitions",
        Words(
            "明细以另一 webhook-id、在另一批次中重来时只执行一次",
            "an item that comes again under another webhook-id, in another batch, "
            "is acted on once",
        ),
        _AT_LEAST_ONCE,
        _other_webhook_id,
    ),
    Rule(
        "duplicate-at-once",
        "repetitions",
        Words(
            "同一明细同时到达两次时只执行一次",
            "an item that comes twice at the same moment is acted on once",
        ),
        _AT_LEAST_ONCE,
        _twice_at_once,
        When.ALONE,
    ),
    Rule(
        "unknown-fields",
        "events",
        Words("忽略不认识的字段", "unknown fields are ignored"),
        _GROWS,
        _unknown_fields,
    ),
    Rule(
        "unknown-type",
        "events",
        Words(
            "不认识的事件类型应答 2xx，什么也不做",
            "an unknown type is answered 2xx, and nothing is done",
        ),
        _GROWS,
        _unknown_type,
    ),
    Rule(
        "reminder",
        "events",
        Words(
            "unbind.reminder 应答 2xx，结果不变",
            "unbind.reminder is answered 2xx and changes no result",
        ),
        Words("提醒可能与结果交错", "A reminder may cross your result on its way."),
        _reminder,
    ),
)
