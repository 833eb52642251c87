"""Administrators see how delivery stands: checks, queue, workers."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import an_order
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId, WorkerId, new_uuid7
from unbind_broker.deadlines.mending import end_walk, mend_unsendable
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery, PausedBy
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.sending import leases, overview
from unbind_broker.sending.overview import read_queue

URL = "/v1/admin/delivery"
LEASE = timedelta(seconds=20)


@pytest.fixture
def worker() -> WorkerId:
    return WorkerId(new_uuid7(NOON))


async def shown(api: httpx.AsyncClient, parties: Parties) -> dict[str, Any]:
    answer = await api.get(URL, headers=parties.admin)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def a_row(db: Db, endpoint: EndpointId, minutes: int) -> None:
    """Something that is due so many minutes after noon."""
    await db.execute(
        insert(deliveries).values(
            endpoint_id=endpoint,
            due_at=NOON + timedelta(minutes=minutes),
            event=EventType.UNBIND_REQUESTED,
            order_id=new_uuid7(NOON),
            attempt=1,
        )
    )


async def test_before_anything_runs_nothing_was_checked_and_nobody_sends(
    api: httpx.AsyncClient, parties: Parties
) -> None:
    assert await shown(api, parties) == {
        "invariant": {
            "last_checked_at": None,
            "orders_looked_at": 0,
            "repaired_last": 0,
            "repaired_total": 0,
        },
        "queue": {"deliveries": 0, "oldest_due_at": None},
        "workers": [],
        "endpoints_without_owner": 0,
    }


async def test_a_repair_is_shown_with_its_walk(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        await an_endpoint(db, await a_platform(db, "lost"))
        order_id = await an_order(db, await a_carrier(db, "lost-telecom"))
        await db.execute(update(endpoint_leases).values(cursor_xid=2**62))
        repaired = await mend_unsendable(db, NOON, [order_id])
        await end_walk(db, NOON, 1, repaired.total())
    found = await shown(api, parties)
    assert found["invariant"] == {
        "last_checked_at": "2026-11-20T04:00:00Z",
        "orders_looked_at": 1,
        "repaired_last": 1,
        "repaired_total": 1,
    }
    assert found["queue"] == {"deliveries": 1, "oldest_due_at": "2026-11-20T04:00:00Z"}


async def test_workers_are_shown_with_what_they_own(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine, worker: WorkerId
) -> None:
    async with engine.begin() as db:
        for place in range(3):
            await an_endpoint(db, await a_platform(db, f"platform-{place}"))
        await an_endpoint(db, await a_platform(db, "pulls"), delivery=Delivery.PULL)
        await leases.beat(db, worker, "broker-1")
        await leases.claim(db, worker, LEASE, 2)
    found = await shown(api, parties)
    (one,) = found["workers"]
    assert (one["id"], one["host"], one["endpoints"]) == (str(worker), "broker-1", 2)
    assert found["endpoints_without_owner"] == 1


async def test_an_owner_whose_lease_has_ended_owns_nothing(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine, worker: WorkerId
) -> None:
    async with engine.begin() as db:
        await an_endpoint(db, await a_platform(db, "platform"))
        await leases.beat(db, worker, "broker-1")
        await leases.claim(db, worker, timedelta(seconds=-1), 1)
    found = await shown(api, parties)
    assert [one["endpoints"] for one in found["workers"]] == [0]
    assert found["endpoints_without_owner"] == 1


async def test_the_oldest_row_is_that_of_an_endpoint_that_is_sent_to(db: Db) -> None:
    parked = await an_endpoint(
        db, await a_platform(db, "parked"), paused_by=PausedBy.OWNER
    )
    active = await an_endpoint(db, await a_platform(db, "active"))
    for endpoint, minutes in ((parked, -60), (active, -5), (active, 5)):
        await a_row(db, endpoint.endpoint.id, minutes)
    queue = await read_queue(db, NOON)
    assert queue.rows == 3
    assert queue.oldest_due_at == NOON - timedelta(minutes=5)


async def test_a_long_queue_is_neither_counted_to_its_end_nor_sorted(db: Db) -> None:
    for place in range(3):
        await an_endpoint(db, await a_platform(db, f"platform-{place}"))
    await db.execute(
        text(
            "INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)"
            " SELECT e.id, now(), 2, gen_random_uuid(), 0"
            " FROM endpoints e, generate_series(1, 3000)"
        )
    )
    await db.execute(text("ANALYZE deliveries"))
    plan = await plan_of(db, overview._QUEUE, {"now": NOON, "most": 1000})
    assert "Sort" not in plan, plan
    assert "deliveries_due" in plan, plan
    (row,) = await db.execute(overview._QUEUE, {"now": NOON, "most": 1000})
    assert row.rows == 1000


async def test_what_platforms_will_fetch_takes_no_place_of_what_is_posted(
    db: Db,
) -> None:
    fetching = await an_endpoint(
        db, await a_platform(db, "fetching"), delivery=Delivery.PULL
    )
    pushed = await an_endpoint(db, await a_platform(db, "pushed"))
    for endpoint, rows in ((fetching, 5), (pushed, 2), (fetching, 5)):
        for minutes in range(rows):
            await a_row(db, endpoint.endpoint.id, minutes)
    (row,) = await db.execute(overview._QUEUE, {"now": NOON, "most": 3})
    assert row.rows == 2
