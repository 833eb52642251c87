"""See that the cluster counts its transactions on from where the rows left off.

Transaction ids say how far the order log, the carriers' feed and the audit trail were
read. ``pg_upgrade`` and physical backups keep the count; a cluster that a dump was
loaded into begins anew, and would write behind places that were passed long ago.
"""

import logging

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from unbind_broker.base.database import sql
from unbind_broker.base.errors import BrokerError

MOST_TO_CATCH_UP = 1_500_000_000
"""Some 300,000 transactions are counted in a second, of 34 bytes of log each. Postgres
itself stops some 2 billion transactions behind its oldest rows."""
_STEP = 100_000

_log = logging.getLogger(__name__)


class TransactionsBehind(BrokerError):
    """The cluster has yet to come to transactions that rows say are over."""

    code = "transactions-behind"
    title = "The cluster counts its transactions from the start again"


async def require_count(engine: AsyncEngine) -> None:
    """Raise ``TransactionsBehind`` where new rows would stand behind old ones."""
    async with engine.connect() as db:
        missing = await _missing(db)
    if missing > 0:
        raise TransactionsBehind(
            f"this cluster is {missing} transactions behind what the database holds: "
            "it was loaded from a dump; run: unbind-broker migrate"
        )


async def catch_up(db: AsyncConnection, most: int = MOST_TO_CATCH_UP) -> int:
    """Count on to where the rows left off; return by how many transactions.

    ``db`` commits by itself. Raises ``TransactionsBehind`` where it is further than
    ``most``.
    """
    missing = whole = await _missing(db)
    if missing > most:
        raise TransactionsBehind(
            f"this cluster is {missing} transactions behind what the database holds, "
            f"more than {most}: restore a physical backup instead of a dump"
        )
    if missing > 0:
        _log.warning("counting_transactions", extra={"missing": missing})
    while missing > 0:
        await db.exec_driver_sql(_COUNT_ON.format(min(missing, _STEP)))
        missing = await _missing(db)
    return max(whole, 0)


async def _missing(db: AsyncConnection) -> int:
    found: int = (await db.execute(_MISSING)).scalar_one()
    return found


# Rows were written by a transaction before the next one; what was read reaches up to
# the next one at most. Each maximum is the end of an index, or of a table of few rows.
_MISSING = sql(
    """
    SELECT greatest(
        (SELECT max(xid) + 1 FROM audit_events),
        (SELECT max(last_xid) + 1 FROM audit_seals),
        (SELECT max(xid) + 1 FROM order_log),
        (SELECT max(n.xid) + 1 FROM carriers c CROSS JOIN LATERAL (
            SELECT xid FROM notices WHERE carrier_id = c.id
            ORDER BY xid DESC, id DESC LIMIT 1
        ) n),
        (SELECT max(cursor_xid) FROM endpoint_leases),
        (SELECT max(xid) FROM counting_marks),
        (SELECT max(last) FROM upkeep_marks WHERE name = 'reminders'),
        0
    ) - (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint AS missing"""
)
_COUNT_ON = """
    DO $$ BEGIN
        FOR turn IN 1..{} LOOP
            PERFORM pg_current_xact_id();
            COMMIT;
        END LOOP;
    END $$"""
