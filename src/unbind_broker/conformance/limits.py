"""Rules about the limits that the endpoint declares for itself."""

import asyncio
from itertools import islice

from unbind_broker.base.magic_numbers import NOTHING
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.posting import Sent, new_webhook_id
from unbind_broker.conformance.rule import Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind

_RATED_SECONDS = 3
_MOST_RATED = 300


async def _full_load(stage: Stage) -> None:
    """Send ``max_concurrency`` full batches at once; queries change nothing."""
    plan = stage.plan
    batches = [_batch(stage, plan.max_batch) for _ in range(plan.max_concurrency)]
    await _send_all(stage, batches)


async def _full_rate(stage: Stage) -> None:
    """Send single items for some seconds; the poster keeps the declared rate."""
    rate = stage.plan.max_rate
    if rate is None:
        raise CannotTell("未声明 max_rate", "no max_rate was declared")
    count = min(max(int(rate * _RATED_SECONDS), 2), _MOST_RATED)
    await _send_all(stage, [_batch(stage, 1) for _ in range(count)])


async def _send_all(stage: Stage, batches: list[list[Asked]]) -> None:
    sent: list[Sent] = await asyncio.gather(
        *(stage.post(batch, webhook_id=new_webhook_id()) for batch in batches)
    )
    missed = [one for one in sent if not one.is_taken]
    if missed:
        raise Broken(
            f"{len(sent)} 个请求中 {len(missed)} 个未被接收：{missed[0].seen_zh}",
            f"{len(missed)} of {len(sent)} requests were not taken: {missed[0].seen}",
        )


def _batch(stage: Stage, size: int) -> list[Asked]:
    places = islice(range(200, NOTHING.size), size)
    return [stage.new(OrderKind.QUERY, NOTHING.number(place)) for place in places]


RULES = (
    Rule(
        "limits-load",
        "limits",
        Words(
            "max_concurrency 个满批次同时到达，都在 10 秒内接收",
            "max_concurrency full batches at once are all taken within 10 s",
        ),
        Words(
            "系统会用足你们声明的上限；做不到就声明得小些",
            "The broker uses what you declare. Declare less if it is too much.",
        ),
        _full_load,
        When.ALONE,
    ),
    Rule(
        "limits-rate",
        "limits",
        Words(
            "以 max_rate 持续到达的请求都被接收",
            "requests that come at max_rate are all taken",
        ),
        Words(
            "429 会使系统减速，明细随之延迟",
            "429 slows the broker down, and your items with it.",
        ),
        _full_rate,
        When.ALONE,
    ),
)
