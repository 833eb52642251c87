"""Time that a test moves on, for workers and for their database alike.

Between two moves it runs as the real time does, so that paces and limits are real.
"""

from datetime import datetime, timedelta

from sqlalchemy import Interval
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import sql

LARGEST_STEP = timedelta(seconds=30)
"""A worker that sees the database further ahead than a minute sends nothing."""

_SHADOW = [
    sql("CREATE SCHEMA simulated"),
    sql("CREATE TABLE simulated.time (ahead interval NOT NULL)"),
    sql("INSERT INTO simulated.time VALUES ('0')"),
    sql(
        """
        CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz
        LANGUAGE sql VOLATILE AS
        'SELECT pg_catalog.clock_timestamp() + (SELECT ahead FROM simulated.time)'
        """
    ),
    # What is named here is looked up before what Postgres brings along.
    sql(
        """
        DO $$ BEGIN EXECUTE format(
            'ALTER DATABASE %I SET search_path = simulated, public, pg_catalog',
            current_database()
        ); END $$
        """
    ),
]
_MOVE = sql("UPDATE simulated.time SET ahead = :ahead", ahead=Interval())


class SimulatedClock:
    """The machine's time, and how far the test has moved it ``ahead``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._real = SystemClock()
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return self._real.now() + self.ahead

    async def step(self, by: timedelta = LARGEST_STEP) -> None:
        """Move on a little: nobody must see both clocks far apart."""
        if not timedelta(0) <= by <= LARGEST_STEP:
            raise ValueError(f"steps are of 0 to {LARGEST_STEP}, not {by}")
        ahead = self.ahead + by
        async with self._engine.begin() as db:
            await db.execute(_MOVE, {"ahead": ahead})
        self.ahead = ahead


async def simulate_time(engine: AsyncEngine) -> SimulatedClock:
    """Let a database of the test's own tell simulated time from now on."""
    async with engine.begin() as db:
        for statement in _SHADOW:
            await db.execute(statement)
    await engine.dispose()  # only new connections look there
    return SimulatedClock(engine)
