"""No plan of a hot statement reads a table whole that was empty when it was made."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.schema.all_hot import all_of
from tests.schema.large_tables import Past
from tests.support.plan_steps import Step, steps_of
from unbind_broker.base.ids import CarrierId, EndpointId, OrderId, PlatformId

FEW = ("brakes", "carriers", "clearances", "endpoint", "platforms")
"""What there are only ever few of may be read whole."""
IN_ORDER = {
    "audit_events_by_actor",
    "audit_seals_by_position",
    "audit_seals_pkey",
    "order_changes_pkey",
    "order_log_by_order",
    "undelivered_pkey",
    "violations_pkey",
}
"""Indexes that are read from one end on, up to a limit or to the first row."""


async def test_no_plan_that_was_made_on_empty_tables_reads_them_whole(
    engine: AsyncEngine,
) -> None:
    """A plan is kept for some seconds, in which many orders may come."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as db:
        for table in ("order_log", "deliveries", "undelivered", "endpoint_leases"):
            await db.execute(text(f"VACUUM ANALYZE {table}"))
    past = Past(
        CarrierId(1),
        [PlatformId(1)] * 20,
        [EndpointId(1)] * 20,
        [OrderId(UUID(int=g)) for g in range(50)],
        [],
    )
    async with engine.begin() as db:
        whole = {
            (name, one)
            for name, hot in all_of(past).items()
            for step in await steps_of(db, hot.statement, hot.values, generic=True)
            for one in _whole(step)
            if not one.startswith(FEW)
        }
    assert whole == set()


def _whole(step: Step) -> frozenset[str]:
    """Give what a step reads whole, or once for every row of something else."""
    if step.kind == "Seq Scan" or (step.reads_all and not _is_in_order(step)):
        return frozenset({step.index or step.relation})
    return step.compared


def _is_in_order(step: Step) -> bool:
    by_time = step.kind == "Index Scan" and "_pkey" not in step.index
    return by_time or step.index in IN_ORDER
