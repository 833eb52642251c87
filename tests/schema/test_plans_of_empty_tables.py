"""No plan of a hot statement reads a table whole that was empty when it was made."""

import re
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.schema.all_hot import all_of
from tests.schema.large_tables import Past
from tests.support.plan_steps import Step, planned
from unbind_broker.base.ids import CarrierId, EndpointId, OrderId, PlatformId

DRAINED = ("order_log", "deliveries", "undelivered", "endpoint_leases")
"""Postgres may know of these that they are empty."""
FEW = {
    "brakes",
    "carriers",
    "clearances",
    "endpoint_leases",
    "endpoints",
    "platforms",
}
"""What there are only ever few of may be read whole."""
_FIRST, _LAST = "until there is one row", "for the newest row alone"
_MOST = "by deadline, until it has as many as it counts at most"
IN_ORDER = {
    ("anything due", "audit_events_by_actor"): _FIRST,
    ("anything due", "audit_seals_by_position"): _FIRST,
    ("anything due", "audit_seals_pkey"): _LAST,
    ("anything due", "order_changes_pkey"): _FIRST,
    ("anything due", "order_log_by_order"): _FIRST,
    ("all open", "orders_deadline_idx"): _MOST,
    ("due items", "orders_deadline_idx"): _MOST,
    ("in progress", "orders_deadline_idx"): _MOST,
    ("open", "orders_deadline_idx"): _MOST,
    ("held", "orders_held_until_idx"): "by time, until it has as many as it counts",
    ("gather", "order_changes_pkey"): "the oldest first, until a batch is full",
    ("undelivered", "undelivered_pkey"): "the newest first, as many as it counts",
    ("violations", "violations_pkey"): "the newest first, as many as it counts",
}
"""Which statement reads which index from one end on, and when it stops."""
AS_CHEAP = {
    ("clear", "deliveries_due"),
    ("delete", "deliveries"),
    ("delete", "deliveries_subject"),
    ("stop sending", "deliveries_due"),
}
"""Where all indexes of an empty table cost the same, Postgres may take another one than
that by which rows are found. It is given up with its plan, seconds later."""
_MONTH = re.compile(r"_\d{4}_\d{2}")


async def test_no_plan_that_was_made_on_empty_tables_reads_them_whole(
    engine: AsyncEngine,
) -> None:
    """A plan is kept for some seconds, in which many orders may come.

    Nothing is carried out: a row that was undone still makes a table less empty.
    """
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as db:
        for table in DRAINED:
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
            for step in await planned(db, hot.statement, hot.values)
            for one in _whole(name, step)
        }
    assert whole <= AS_CHEAP, whole - AS_CHEAP


def _whole(name: str, step: Step) -> Iterator[str]:
    """Give what a step reads whole, or once for every row of something else."""
    yield from step.compared - FEW
    if step.table in FEW or not (step.kind == "Seq Scan" or step.reads_all):
        return
    where = _MONTH.sub("", step.index or step.relation)
    # A bitmap is made of all that an index holds, however little of it is wanted.
    if step.kind.startswith("Bitmap") or (name, where) not in IN_ORDER:
        yield where
