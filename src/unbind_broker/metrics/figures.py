"""Read the database's figures now and then, whoever asks and however often."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from unbind_broker.metrics.reads import READS, Asked, Read
from unbind_broker.metrics.samples import Samples, Told, one

log = logging.getLogger(__name__)

FRESH = 15.0
"""Seconds for which figures are told again."""
WHOLE_LIMIT = 5.0
"""Seconds that reading all of them may take: scrapers wait for ten."""


class Figures:
    """What the database said last. ``seconds`` are those of the monotonic clock.

    A statement that takes too long leaves its figures out, and the others stand. What
    cannot be read at all is asked for again after ``FRESH`` seconds too, and nothing of
    before is told meanwhile: an old figure would hide what is wrong.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        now: Callable[[], datetime],
        zone: ZoneInfo,
        seconds: Callable[[], float] = monotonic,
        reads: Sequence[Read] = READS,
    ) -> None:
        self._engine = engine
        self._now = now
        self._zone = zone
        self._seconds = seconds
        self._reads = reads
        self._reading = asyncio.Lock()
        self._told: dict[str, Samples] = {}
        self._is_up = False
        self._read_at: float | None = None
        self._took = 0.0

    async def refresh(self) -> None:
        """Read anew if that is due; all who come meanwhile wait for one read."""
        async with self._reading:
            began = self._seconds()
            if self._read_at is not None and began - self._read_at < FRESH:
                return
            self._told = {}
            try:
                async with asyncio.timeout(WHOLE_LIMIT):
                    await self._read()
            except (SQLAlchemyError, OSError) as error:
                facts = {"error": type(error).__name__, "read": len(self._told)}
                log.warning("figures_not_read", extra=facts)
                if not isinstance(error, TimeoutError):
                    self._told = {}  # it went away meanwhile
                self._is_up = bool(self._told)
            self._read_at = self._seconds()
            self._took = self._read_at - began

    def tell(self) -> Told:
        """Tell what was read last."""
        if self._read_at is None:
            return {"unbind_database_up": one(0)}
        return {
            "unbind_database_up": one(self._is_up),
            "unbind_database_figures_age_seconds": one(self._seconds() - self._read_at),
            "unbind_database_figures_read_seconds": one(self._took),
            **self._told,
        }

    async def _read(self) -> None:
        async with self._engine.connect() as db:
            self._is_up = True
            asked = Asked(self._now(), self._zone)
            for read in self._reads:
                self._told.update(await _unless_refused(read, db, asked))


async def _unless_refused(read: Read, db: AsyncConnection, asked: Asked) -> Told:
    try:
        return await read(db, asked)
    except DBAPIError as error:
        if error.connection_invalidated or db.invalidated:
            raise
        facts = {"read": read.__name__.strip("_"), "error": type(error.orig).__name__}
        log.warning("figure_not_read", extra=facts)
        return {}
