"""Through a whole worker: what a sensitive platform answers is not to be seen."""

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.receiver import Answer, ResultsOf
from tests.support.sealing import SEALER
from tests.worker.stage import Stage
from unbind_broker.base.ids import OrderId, Prefix, parse_id
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.items.views import read_order
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
INSIDE = "2024-05-01T00:00:00Z"
OUTSIDE = "2025-06-01T00:00:00Z"


def saying(outcome: str, **fields: object) -> ResultsOf:
    return lambda item: {"id": item["id"], "outcome": outcome, **fields}


NOT_BOUND = Answer(results=saying("not_bound"))
OF_ORDERS = {
    "nothing": Answer(),
    "accepted": Answer(status=202),
    "working": Answer(results=saying("in_progress")),
    "unbound": Answer(results=saying("unbound", removed=1, last_bound_at=INSIDE)),
    "violation": Answer(results=saying("unbound", removed=1, last_bound_at=OUTSIDE)),
    "refused": Answer(results=saying("refused", reason="legal_hold")),
    "rejected": Answer(results=saying("unbound", removed=1)),
    "payload refused": Answer(status=422),
}
OF_QUERIES = {
    "nothing": Answer(),
    "bound": Answer(results=saying("bound", last_bound_at=INSIDE)),
    "refused": Answer(results=saying("refused", reason="legal_hold")),
}


async def read_as_carrier(stage: Stage, answer: Answer, kind: OrderKind) -> str:
    """Place an order, wait until its carrier is told, and read it."""
    stage.doors[1].usual = answer
    async with stage.working():
        (public_id,) = await stage.order(1, kind)
        order_id = parse_id(public_id, Prefix.ORDER, Prefix.QUERY)
        assert order_id is not None

        async def is_told() -> bool:
            one = orders.c.id == order_id
            told: list[Any] = await stage.all(select(orders.c.told_at).where(one))
            return told != [None]

        await stage.reaches(is_told)
    async with stage.engine.connect() as db:
        view = await read_order(db, stage.carrier.id, OrderId(order_id), SEALER)
    assert view is not None
    assert view["status"] == "completed"
    return _INSTANT.sub("<instant>", str({**view, "id": "<id>", "number": ""}))


async def a_stage_with_a_sensitive_platform(stage: Stage) -> None:
    await stage.add_platforms(2)
    stage.doors[0].usual = NOT_BOUND
    async with stage.engine.begin() as db:
        await db.execute(
            update(platforms)
            .where(platforms.c.id == stage.platforms[1])
            .values(sensitive=True)
        )


@pytest.mark.parametrize("kind", [OrderKind.UNBIND, OrderKind.QUERY], ids=str)
async def test_no_answer_to_a_request_can_be_seen(
    stage: Stage, kind: OrderKind
) -> None:
    await a_stage_with_a_sensitive_platform(stage)
    answers = OF_QUERIES if kind is OrderKind.QUERY else OF_ORDERS
    plain = await read_as_carrier(stage, NOT_BOUND, kind)
    for name, answer in answers.items():
        assert await read_as_carrier(stage, answer, kind) == plain, name


async def test_an_order_is_told_while_a_sensitive_platform_still_works(
    stage: Stage,
) -> None:
    await a_stage_with_a_sensitive_platform(stage)
    await read_as_carrier(stage, Answer(), OrderKind.UNBIND)
    (status,) = await stage.all(select(orders.c.status))
    assert status is OrderStatus.IN_PROGRESS
    sensitive = items.c.platform_id == stage.platforms[1]
    (open_still,) = await stage.all(select(items.c.status).where(sensitive))
    assert open_still is ItemStatus.ACKNOWLEDGED
