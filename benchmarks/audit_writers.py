"""Writers of the audit trail in processes of their own, all beginning together."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from benchmarks.processes import begin_together, elsewhere
from tests.support.clock import NOON
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import open_engine
from unbind_broker.base.ids import new_uuid7
from unbind_broker.cli.loop import run_on_loop

PATIENCE = 60.0
"""Seconds until all writers must be there."""
INDEX = bytes(range(32))
FACTS = {
    "kind": "unbind",
    "scope": "previous_owner",
    "action": "detach",
    "owner_since": "2025-03-01",
    "consent": {"method": "sms_otp", "at": "2026-11-20T04:00:00+00:00"},
    "recheck": False,
    "held": False,
    "items": 64,
}


@dataclass(frozen=True)
class Writing:
    """What one process writes: facts, some to a transaction, on some connections."""

    url: str
    clients: int
    facts: int
    seconds: float


class Wrote(NamedTuple):
    """How many events were written, and when, by the monotonic clock."""

    events: int
    began: float
    ended: float


def write_all(writing: Writing, processes: int) -> Wrote:
    """Let so many processes write at once; raise if they cannot begin together.

    Their time is that from the first beginning to the last end: who is late makes the
    rate of all look slower, not faster.
    """
    wrote = elsewhere(_run, [writing] * processes)
    return Wrote(
        sum(one.events for one in wrote),
        min(one.began for one in wrote),
        max(one.ended for one in wrote),
    )


def a_fact() -> Fact:
    """Make one of the size that an accepted order leaves."""
    order_id = new_uuid7(NOON)
    return Fact("carrier:china-mobile", "order.accepted", order_id, INDEX, FACTS)


def _run(writing: Writing) -> Wrote:
    return run_on_loop(_write(writing))


async def _write(writing: Writing) -> Wrote:
    engine = open_engine(writing.url, pool=writing.clients, application="bench writer")
    written, clients = 0, range(writing.clients)

    async def write() -> None:
        async with engine.begin() as db:
            await record(db, NOON, *(a_fact() for _ in range(writing.facts)))

    async def client() -> None:
        nonlocal written
        while monotonic() < until:
            await write()
            written += writing.facts

    try:
        await asyncio.gather(*(write() for _ in clients))  # connections are open then
        await asyncio.to_thread(begin_together, PATIENCE)
        began = monotonic()
        until = began + writing.seconds
        await asyncio.gather(*(client() for _ in clients))
        return Wrote(written, began, monotonic())
    finally:
        await engine.dispose()
