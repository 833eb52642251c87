"""Sweep all that is open at once, as the worker does step by step."""

from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.deadlines.sweeping import MOST_FOUND, find_open, sweep_unsettled


async def sweep(db: Db, now: datetime) -> list[UUID]:
    found, _ = await find_open(db, None, MOST_FOUND)
    return await sweep_unsettled(db, now, found)
