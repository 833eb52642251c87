"""Seal the audit trail every so often, and go on at once while there is a backlog."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.audit.sealing import MOST_EVENTS, seal
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.clock import Clock
from unbind_broker.worker.turns import Turn, is_ours


@dataclass(frozen=True)
class SealClock:
    """The step that seals; of many workers one does it at a time."""

    engine: AsyncEngine
    clock: Clock
    key: BrokerKey
    interval: timedelta
    most: int = MOST_EVENTS

    async def step(self) -> float:
        """Seal once; return the pause in seconds before it runs again."""
        made = None
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.SEAL):
                made = await seal(db, self.clock.now(), self.key, self.most)
        full = made is not None and made.events >= self.most
        return 0.0 if full else self.interval.total_seconds()
