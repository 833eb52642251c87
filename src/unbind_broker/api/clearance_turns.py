"""Change a clearance when nobody else does; wait for that without a transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from unbind_broker.api.clearance_paths import WITHOUT_NUMBERS
from unbind_broker.api.context import Context
from unbind_broker.api.problems import NotFound
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.service import Clearance, ClearanceBusy, lock

Done = TypeVar("Done")

PATIENCE = 10.0
"""Seconds; a million numbers take longer, and then the caller is told to come back."""
BETWEEN = 0.1

Change = Callable[[Db, Clearance], Awaitable[Done]]


async def in_turn(
    context: Context, carrier: CarrierId, clearance_id: UUID, change: Change[Done]
) -> Done:
    """Change a carrier's own clearance in a transaction that has it to itself.

    Raises ``NotFound``, and ``ClearanceBusy`` where others have it for too long.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        try:
            async with context.engine.begin() as db:
                clearance = await lock(db, clearance_id, carrier)
                if clearance is None:
                    raise NotFound(WITHOUT_NUMBERS)
                return await change(db, clearance)
        except ClearanceBusy:
            if loop.time() >= until:
                raise
        await asyncio.sleep(BETWEEN)
