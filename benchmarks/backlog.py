"""Much to send, at once: orders of one model, with items at all platforms."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.order_builders import an_order, asked
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import UUIDS, Db, sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.carriers.service import Carrier
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus

CONCURRENCY = 4


async def register(
    engine: AsyncEngine, urls: Sequence[str], max_batch: int
) -> tuple[Carrier, list[EndpointId]]:
    """Make a platform for each URL, and a carrier; return it and the endpoints' ids."""
    now = SystemClock().now()
    ids = []
    async with engine.begin() as db:
        for place, url in enumerate(urls):
            made = await an_endpoint(
                db,
                await a_platform(db, f"platform-{place}", now=now),
                url,
                max_batch=max_batch,
                max_concurrency=CONCURRENCY,
                now=now,
            )
            ids.append(made.endpoint.id)
        return await a_carrier(db, now=now), ids


async def a_model(engine: AsyncEngine, carrier: Carrier) -> UUID:
    """Accept an order as the service does; it is the first one of what is to send."""
    now = SystemClock().now()
    async with engine.begin() as db:
        return await an_order(db, carrier, asked(now=now), now=now)


async def release(engine: AsyncEngine, model: UUID, first: int, count: int) -> None:
    """Make copies number ``first`` and following, about other numbers, due at once."""
    ids = [UUID(int=model.int + first + place) for place in range(count)]
    async with engine.begin() as db:
        await copy(db, model, ids)
        await let_go(db, ids)


async def copy(db: Db, model: UUID, ids: Sequence[UUID]) -> None:
    """Make orders under way like ``model`` that nobody is to send."""
    for statement in _COPIES:
        await db.execute(statement, {"model": model, "ids": ids})


async def let_go(db: Db, ids: Sequence[UUID]) -> None:
    """Let these orders' items be sent, or fetched."""
    await db.execute(_LOG, {"ids": ids})


_COPIES = (
    sql(
        f"""
        INSERT INTO orders
        SELECT (jsonb_populate_record(o, jsonb_build_object(
            'id', n.id,
            'number_index', '\\x' || encode(sha256(uuid_send(n.id)), 'hex'),
            'status', {OrderStatus.IN_PROGRESS.code},
            'completed_at', null,
            'told_at', null,
            'created_at', clock_timestamp()))).*
        FROM orders o, unnest(:ids) AS n (id)
        WHERE o.id = :model""",  # noqa: S608 - a code
        model=UUID_TYPE,
        ids=UUIDS,
    ),
    sql(
        f"""
        INSERT INTO items (order_id, platform_id, status, attempts, late)
        SELECT n.id, i.platform_id, {ItemStatus.QUEUED.code}, 0, false
        FROM unnest(:ids) AS n (id), items i WHERE i.order_id = :model""",  # noqa: S608 - a code
        model=UUID_TYPE,
        ids=UUIDS,
    ),
)
_LOG = sql(
    """
        INSERT INTO order_log (xid, order_id)
        SELECT pg_current_xact_id()::text::bigint, n.id FROM unnest(:ids) AS n (id)""",
    ids=UUIDS,
)
