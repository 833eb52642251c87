"""Wait until a change of an endpoint is in force wherever requests are sent."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import BIG, INT, sql
from unbind_broker.base.ids import EndpointId

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.2
PATIENCE_WITH_THE_SILENT = timedelta(seconds=2)
"""An owner that never told any version has just begun, or is of a release that
tells none; that one reads its endpoints anew every second."""

# A lease that nobody holds is as good: its next owner reads the endpoint as it is now.
_HOLDOUT = sql(
    """
    SELECT seen_version = 0 AS silent FROM endpoint_leases
    WHERE endpoint_id = :endpoint_id AND seen_version < :version
        AND holder IS NOT NULL AND lease_until > clock_timestamp()
    """,
    endpoint_id=INT,
    version=BIG,
)


async def wait_until_in_force(
    engine: AsyncEngine,
    endpoint_id: EndpointId,
    version: int,
    limit: timedelta,
    silent_limit: timedelta = PATIENCE_WITH_THE_SILENT,
) -> bool:
    """Tell whether nothing starts any more as it was before ``version``.

    Waits up to ``limit`` for it (``silent_limit`` for an owner that never told any
    version), without a connection between two looks. The change
    must have been committed; it stands even if the database fails meanwhile, which
    ends the wait.
    """
    loop = asyncio.get_running_loop()
    began, pause = loop.time(), FIRST_PAUSE
    while True:
        try:
            holdout = await _find_holdout(engine, endpoint_id, version)
        except (SQLAlchemyError, OSError):
            return False
        if holdout is None:
            return True
        patience = min(limit, silent_limit) if holdout.silent else limit
        if loop.time() - began >= patience.total_seconds():
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _find_holdout(
    engine: AsyncEngine, endpoint_id: EndpointId, version: int
) -> Row[Any] | None:
    values = {"endpoint_id": endpoint_id, "version": version}
    async with engine.connect() as db:
        return (await db.execute(_HOLDOUT, values)).one_or_none()
