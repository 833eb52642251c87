"""Reports as one plain statement each: what this Postgres can do at the most.

Bare asyncpg connections in a process of their own, in the order in which platforms
report: those that run together are about the same orders.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import asyncpg

from benchmarks.processes import elsewhere, run_on
from unbind_broker.items.states import FIRST_FINAL_CODE, HolderAction, ItemStatus

_FINAL = f"""
    UPDATE items i SET status = {ItemStatus.UNBOUND.code}, removed = n.removed,
        last_bound_at = n.last_bound_at, restorable_until = n.restorable_until,
        finished_at = now()
    FROM unnest($1::uuid[], $3::int[], $4::timestamptz[], $5::timestamptz[])
        AS n (id, removed, last_bound_at, restorable_until)
    WHERE i.order_id = n.id AND i.platform_id = $2 AND i.status < {FIRST_FINAL_CODE}"""  # noqa: S608 - codes
_INTERIM = f"""
    UPDATE items i SET status = {ItemStatus.ACTION_REQUIRED.code},
        holder_action = n.action, expected_at = n.expected_at
    FROM unnest($1::uuid[], $3::int[], $4::timestamptz[])
        AS n (id, action, expected_at)
    WHERE i.order_id = n.id AND i.platform_id = $2 AND i.status < {FIRST_FINAL_CODE}"""  # noqa: S608 - codes


@dataclass(frozen=True)
class Updating:
    """What is set: some state for each order, at each of these platforms."""

    url: str
    platforms: tuple[int, ...]
    orders: tuple[UUID, ...]
    is_final: bool
    lines: int
    at_once: int
    cores: frozenset[int] = frozenset()


@dataclass
class Updated:
    """How many items were set, and how long each statement took."""

    items: int = 0
    seconds: float = 0.0
    latency: list[float] = field(default_factory=list)


def update_all(updating: Updating) -> Updated:
    """Run every statement, from another process."""
    (found,) = elsewhere(_run, [updating])
    return found


def _run(updating: Updating) -> Updated:
    run_on(updating.cores)
    return asyncio.run(_update(updating))


async def _update(updating: Updating) -> Updated:
    statement = _FINAL if updating.is_final else _INTERIM
    size = updating.lines
    parts = [
        updating.orders[first : first + size]
        for first in range(0, len(updating.orders), size)
    ]
    waiting = iter([(part, one) for part in parts for one in updating.platforms])
    many, updated = updating.at_once, Updated()
    async with asyncpg.create_pool(updating.url, min_size=many, max_size=many) as pool:
        started = monotonic()

        async def reporter() -> None:
            async with pool.acquire() as db:
                for ids, platform in waiting:
                    sent = monotonic()
                    said = await db.execute(
                        statement, ids, platform, *_said(ids, updating)
                    )
                    updated.latency.append(monotonic() - sent)
                    updated.items += int(said.split()[1])

        await asyncio.gather(*(reporter() for _ in range(many)))
        updated.seconds = monotonic() - started
    return updated


def _said(ids: Sequence[UUID], updating: Updating) -> list[list[object]]:
    """Give what each line says: the same, but sent with every one."""
    then, until = datetime(2023, 6, 1, 9, 30, tzinfo=UTC), datetime.now(UTC)
    if updating.is_final:
        return [[1] * len(ids), [then] * len(ids), [until] * len(ids)]
    action = HolderAction.CONFIRM_IN_APP.code
    return [[action] * len(ids), [until] * len(ids)]
