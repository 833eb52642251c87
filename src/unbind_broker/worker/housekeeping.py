"""What is done slowly beside the clocks: letting go of the old, sealing anew."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.base.sealing import Sealer
from unbind_broker.callbacks.resealing import reseal_reports
from unbind_broker.deadlines.retaining import (
    RetainPosition,
    destroy_old,
    drop_old_months,
)
from unbind_broker.endpoints.health_store import prune_events
from unbind_broker.endpoints.resealing import reseal_secrets
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.orders.resealing import ResealPosition, reseal_orders
from unbind_broker.worker.turns import Turn, is_ours

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
BETWEEN = 0.05
"""Seconds between two steps of one walk."""

MOST_DESTROYED = 500
MOST_LOOKED_AT = 10_000
MOST_REPORTS = 500


@dataclass
class Housekeeping:
    """Walks over all that is kept, a bounded step at a time, begun again each hour."""

    engine: AsyncEngine
    clock: Clock
    sealer: Sealer
    retention: timedelta
    _retained: RetainPosition | None = field(default=None, init=False)
    _resealed: ResealPosition | None = field(default=None, init=False)
    _reports: UUID | None = field(default=None, init=False)

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {
            "retain": self.retain,
            "reseal": self.reseal,
            "reseal_reports": self.reseal_reports,
        }

    async def retain(self) -> float:
        """Destroy what may be kept no longer; at the end of a walk drop old months."""
        now = self.clock.now()
        before = now - self.retention
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.RETAIN):
                return EVERY.total_seconds()
            step = await destroy_old(db, now, before, self._retained, MOST_DESTROYED)
        self._retained = step.position
        if step.position is not None:
            return BETWEEN
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.RETAIN):
                await drop_old_months(db, now, before)
                await prune_events(db, before, MOST_LOOKED_AT)
        return EVERY.total_seconds()

    async def reseal(self) -> float:
        """Seal anew what another key than the first sealed."""
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.RESEAL):
                return EVERY.total_seconds()
            endpoints = 0
            if self._resealed is None:
                secrets = EndpointSecrets(self.sealer)
                endpoints = await reseal_secrets(db, secrets)
            step = await reseal_orders(db, self.sealer, self._resealed, MOST_LOOKED_AT)
        self._resealed = step.position
        if step.orders or step.unreadable or endpoints:
            facts = {
                "orders": step.orders,
                "unreadable": step.unreadable,
                "endpoints": endpoints,
            }
            log.info("resealed", extra=facts)
        return EVERY.total_seconds() if step.position is None else BETWEEN

    async def reseal_reports(self) -> float:
        """Seal reports anew that name numbers."""
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.RESEAL_REPORTS):
                return EVERY.total_seconds()
            step = await reseal_reports(db, self.sealer, self._reports, MOST_REPORTS)
        self._reports = step.position
        if step.reports or step.unreadable:
            facts = {"reports": step.reports, "unreadable": step.unreadable}
            log.info("reports_resealed", extra=facts)
        return EVERY.total_seconds() if step.position is None else BETWEEN
