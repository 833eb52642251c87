"""See to it that the brake holds what it should, however many orders there are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.callbacks.braking import BrakePolicy, consider
from unbind_broker.carriers.brakes import ANY_ENGAGED, stopped
from unbind_broker.carriers.marks import alarming_since
from unbind_broker.orders.braking import ANY_BRAKED, hold_braked, release_braked

LOOK_BACK = timedelta(minutes=1)
ANY_TO_BRAKE = f"{ANY_ENGAGED} UNION ALL {ANY_BRAKED}"
"""Asks whether ``keep_brake`` might find anything."""


@dataclass(frozen=True)
class Moved:
    """The orders of one step."""

    held: list[UUID]
    released: list[UUID]


async def keep_brake(db: Db, now: datetime, limit: int) -> Moved:
    """Hold up to ``limit`` orders of braked carriers, and let go as many of others.

    Orders that were accepted or released while the brake engaged are found here.
    """
    now_stopped = await stopped(db)
    held: list[UUID] = []
    if now_stopped.everybody or now_stopped.carriers:
        held = await hold_braked(db, now, now_stopped, limit)
    return Moved(held, await release_braked(db, now, now_stopped, limit))


async def consider_recent(db: Db, now: datetime, policy: BrakePolicy) -> set[CarrierId]:
    """Brake carriers whose report committed before a crash kept it from being done."""
    return await consider(db, now, await alarming_since(db, now - LOOK_BACK), policy)
