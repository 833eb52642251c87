from typing import Any

import pytest
from sqlalchemy import text

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    INTAKE,
    NUMBER,
    a_query,
    a_reachable_platform,
    an_order,
    asked,
    asking,
    many_orders,
)
from tests.support.plan_steps import steps_of
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.database import Db
from unbind_broker.carriers.service import Carrier
from unbind_broker.intake import situation
from unbind_broker.intake.situation import read_situation
from unbind_broker.intake.subjects import find_subject
from unbind_broker.orders.idempotency import Repeatable, StoredAnswer, remember


async def situation_of(
    db: Db, carrier: Carrier, request: Repeatable | None = None
) -> situation.Situation:
    subject = await find_subject(db, asked(), carrier.id, SEALER, BLIND_INDEX)
    return await read_situation(db, subject, asking(carrier), request)


async def test_about_most_numbers_nothing_is_known(db: Db) -> None:
    found = await situation_of(db, await a_carrier(db))
    assert (found.was_held, found.was_asked, found.answer) == (False, False, None)
    assert found.standing.slug == "china-mobile"


async def test_a_number_that_another_carrier_asked_about_is_known(db: Db) -> None:
    await a_reachable_platform(db)
    await a_query(db, await a_carrier(db, "china-unicom"))
    found = await situation_of(db, await a_carrier(db))
    assert (found.was_held, found.was_asked) == (True, True)


async def test_the_answer_is_the_one_of_this_request(db: Db) -> None:
    carrier = await a_carrier(db)
    first, other = (Repeatable(carrier.id, key, b"same") for key in ("first", "other"))
    answer = StoredAnswer(202, None, b"{}")
    await remember(db, NOON, first, answer)
    assert (await situation_of(db, carrier, first)).answer == answer
    assert (await situation_of(db, carrier, other)).answer is None
    assert (await situation_of(db, carrier)).answer is None


@pytest.mark.parametrize("generic", [False, True])
async def test_it_is_found_among_many(db: Db, *, generic: bool) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await many_orders(db, carrier, 3000, like=order_id)
    await db.execute(text("UPDATE orders SET number_index = uuid_send(id)"))
    await db.execute(
        text(
            "INSERT INTO holdings "
            "(number_index, carrier_id, began, confirmed_at, recorded_at) "
            "SELECT uuid_send(o.id), h.carrier_id, h.began, h.confirmed_at, "
            "h.recorded_at FROM orders o CROSS JOIN holdings h"
        )
    )
    for table in ("orders", "holdings"):
        await db.execute(text(f"ANALYZE {table}"))
    values: dict[str, Any] = {
        "carrier": carrier.id,
        "number": INTAKE.blind_index.index(NUMBER),
        "digest": "some-key",
    }
    statement: Any = situation._SITUATION
    steps = await steps_of(db, statement, values, generic=generic)
    # The index of brakes still names those of other tests that were rolled back.
    looked_at = [step.rows for step in steps if step.index != "brakes_engaged"]
    assert max(looked_at) <= 10
