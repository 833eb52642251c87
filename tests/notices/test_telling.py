"""What a carrier is told is kept for its feed and queued for its endpoint."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.notices.tables import notices
from unbind_broker.notices.telling import tell

ORDER = UUID(int=7)


async def told(db: Db, carrier: CarrierId) -> UUID:
    data = {"order_id": "ord_1", "number": None, "words": "请稍候"}
    return await tell(db, NOON, carrier, EventType.ORDER_HELD, ORDER, data)


async def scheduled(db: Db) -> list[tuple[int, EventType, UUID]]:
    rows = await db.execute(
        select(deliveries.c.endpoint_id, deliveries.c.event, deliveries.c.order_id)
    )
    return [(row.endpoint_id, row.event, row.order_id) for row in rows]


async def wanting(db: Db, endpoint: Endpoint, *types: EventType) -> None:
    await db.execute(
        endpoints.update()
        .where(endpoints.c.id == endpoint.id)
        .values(event_types=[one.value for one in types])
    )


async def test_what_is_told_is_kept_as_compact_bytes(db: Db) -> None:
    carrier = await a_carrier(db)

    notice = await told(db, carrier.id)

    row = (await db.execute(select(notices))).one()
    assert (row.id, row.carrier_id, row.order_id) == (notice, carrier.id, ORDER)
    assert (row.event, row.at) == (EventType.ORDER_HELD, NOON)
    expected = '{"order_id":"ord_1","number":null,"words":"请稍候"}'
    assert row.data == expected.encode()


async def test_a_carrier_without_an_endpoint_is_sent_nothing(db: Db) -> None:
    carrier = await a_carrier(db)
    await an_endpoint(db, await a_carrier(db, "china-telecom"))

    await told(db, carrier.id)

    assert not await scheduled(db)


async def test_an_endpoint_that_wants_everything_is_sent_the_notice(db: Db) -> None:
    carrier = await a_carrier(db)
    endpoint = (await an_endpoint(db, carrier)).endpoint

    notice = await told(db, carrier.id)

    assert await scheduled(db) == [(endpoint.id, EventType.ORDER_HELD, notice)]


async def test_an_unverified_endpoint_is_sent_nothing(db: Db) -> None:
    carrier = await a_carrier(db)
    await an_endpoint(db, carrier, verified=False)

    await told(db, carrier.id)

    assert not await scheduled(db)


async def test_a_fetching_carrier_is_sent_nothing(db: Db) -> None:
    carrier = await a_carrier(db)
    await an_endpoint(db, carrier, delivery=Delivery.PULL)

    await told(db, carrier.id)

    assert not await scheduled(db)


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [(EventType.ORDER_HELD, True), (EventType.ORDER_VIOLATION, False)],
)
async def test_only_wanted_types_are_sent(
    db: Db, wanted: EventType, *, sent: bool
) -> None:
    carrier = await a_carrier(db)
    endpoint = (await an_endpoint(db, carrier)).endpoint
    await wanting(db, endpoint, wanted)

    await told(db, carrier.id)

    assert bool(await scheduled(db)) is sent


async def test_later_notices_have_later_ids(db: Db) -> None:
    carrier = await a_carrier(db)
    event = EventType.CARRIER_BRAKED

    first = await tell(db, NOON, carrier.id, event, None, {})
    second = await tell(db, NOON + timedelta(seconds=1), carrier.id, event, None, {})

    assert first < second
