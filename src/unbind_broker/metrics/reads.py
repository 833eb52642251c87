# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""What the database says of the whole broker: statements of bounded cost, each small.

The same in every process, so that nobody misses it while one of them is away.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from unbind_broker.base.database import INT, UUID, Db, sql
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.carriers import brakes
from unbind_broker.carriers.tables import SANDBOX_SUFFIX
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.deadlines.mending import last_walk
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.metrics.samples import Samples, Told, one
from unbind_broker.orders.states import HoldReason
from unbind_broker.platforms.tables import World
from unbind_broker.sending.overview import (
    count_without_owner,
    list_workers,
    read_queue,
)
from unbind_broker.sending.tallies import MOST_SLUGS, OTHERS
from unbind_broker.statistics.backlog import (
    read_open_items,
    read_open_orders,
    read_unsent_of_each,
)
from unbind_broker.statistics.figures import Period, read_total
from unbind_broker.statistics.flow import REAL
from unbind_broker.statistics.measures import Family, members_of
from unbind_broker.statistics.overview import (
    MOST_COUNTED,
    count_undeliverable,
    count_violations_open,
    read_sealing,
)
from unbind_broker.statistics.standing import Standing, read_standing_of_each

SEEN_WITHIN = timedelta(minutes=1)
MOST_READ = 2 * MOST_SLUGS
_CONDITIONS = {
    Standing.HEALTHY: 0,
    Standing.NOT_READY: 0,
    Standing.DEGRADED: 1,
    Standing.BREAKER_OPEN: 2,
    Standing.DISABLED: 3,
    Standing.PAUSED: 4,
    Standing.SUSPENDED: 5,
}


@dataclass(frozen=True)
class Asked:
    """Of when, and what passes for a day."""

    now: datetime
    zone: ZoneInfo

    def age(self, since: datetime | None) -> float:
        """Give the seconds since then; 0 if there is nothing that waits."""
        return max(0.0, (self.now - since).total_seconds()) if since else 0.0


async def _orders(db: Db, _: Asked) -> Told:
    counted = await read_open_orders(db)
    held = sum(counted.held.values())
    return {
        "unbind_open_orders": {
            ("in_progress",): counted.in_progress,
            ("held",): held,
        },
        "unbind_disputed_orders": one(counted.held[HoldReason.DISPUTED_HOLDING]),
    }


async def _items(db: Db, asked: Asked) -> Told:
    counted = await read_open_items(db, asked.now)
    return {
        "unbind_open_items": {
            (status.value,): counted.by_status[status] for status in sorted(OPEN)
        },
        "unbind_overdue_items": one(counted.overdue),
    }


async def _ended(db: Db, asked: Asked) -> Told:
    today = asked.now.astimezone(asked.zone).date()
    sums = (await read_total(db, Period(today, today), None)).of_all
    ended = members_of(Family.OUTCOME, sums)
    return {
        "unbind_items_ended_today": {
            (status.value,): ended.get(status.code, 0)
            for status in ItemStatus
            if status.is_final
        }
    }


async def _undeliverable(db: Db, _: Asked) -> Told:
    return {"unbind_undeliverable_items": one(await count_undeliverable(db))}


async def _platforms(db: Db, asked: Asked) -> Told:
    stands = await read_standing_of_each(db)
    unsent = await read_unsent_of_each(db, asked.now, MOST_READ)
    ages = {waits.platform: asked.age(waits.since) for waits in unsent}
    return tell_platforms(stands, ages)


def tell_platforms(
    stands: Mapping[str, Standing], ages: Mapping[str, float], most: int = MOST_SLUGS
) -> Told:
    """Tell how platforms stand, and what waits there; the worst of those beyond."""
    known = set(list(stands)[:most])
    conditions: dict[tuple[str, ...], float] = {}
    oldest: dict[tuple[str, ...], float] = {}
    for slug, stand in stands.items():
        name = (slug if slug in known else OTHERS,)
        conditions[name] = max(conditions.get(name, 0), _CONDITIONS[stand])
        oldest[name] = max(oldest.get(name, 0), ages.get(slug, 0))
    counts = Counter(stands.values())
    standings: Samples = {(stand.value,): counts[stand] for stand in Standing}
    return {
        "unbind_platform_condition": conditions,
        "unbind_platforms": standings,
        "unbind_backlog_age_seconds": oldest,
    }


async def _delivery(db: Db, asked: Asked) -> Told:
    queue = await read_queue(db, asked.now)
    workers = await list_workers(db)
    living = sum(asked.now - each.seen_at < SEEN_WITHIN for each in workers)
    return {
        "unbind_queued_deliveries": one(queue.rows),
        "unbind_queue_age_seconds": one(asked.age(queue.oldest_due_at)),
        "unbind_workers": one(living),
        "unbind_endpoints_without_owner": one(await count_without_owner(db)),
    }


async def _sealing(db: Db, asked: Asked) -> Told:
    sealing = await read_sealing(db)
    oldest = (await db.execute(OLDEST_TRANSACTION)).scalar_one()
    return {
        "unbind_seal_lag_seconds": one(asked.age(sealing.waiting_since)),
        "unbind_oldest_transaction_seconds": one(max(0.0, float(oldest))),
    }


async def _violations(db: Db, asked: Asked) -> Told:
    since = uuid7_floor(asked.now - timedelta(days=1))
    values = {"since": since, "most": MOST_COUNTED}
    recent = (await db.execute(VIOLATIONS_SINCE, values)).scalar_one()
    return {
        "unbind_violations_open": one(await count_violations_open(db)),
        "unbind_violations_last_day": one(recent),
    }


async def _brakes(db: Db, _: Asked) -> Told:
    # The brake of a rehearsal goes on by itself.
    engaged = [one for one in await brakes.engaged(db) if not _rehearses(one.carrier)]
    everybody = sum(brake.carrier_id is None for brake in engaged)
    stopped = (await db.execute(STOPPED, {"most": MOST_COUNTED})).scalar_one()
    return {
        "unbind_brakes_engaged": {
            ("all",): everybody,
            ("carrier",): len(engaged) - everybody,
        },
        "unbind_clearances_stopped": one(stopped),
    }


def _rehearses(carrier: str | None) -> bool:
    return carrier is not None and carrier.endswith(SANDBOX_SUFFIX)


async def _invariant(db: Db, asked: Asked) -> Told:
    walked = await last_walk(db)
    told = {"unbind_invariant_repaired": one(walked.repaired_total)}
    if walked.last_at is not None:
        age = asked.age(walked.last_at)
        told["unbind_invariant_checked_age_seconds"] = one(age)
    return told


Read = Callable[[Db, Asked], Awaitable[Told]]
READS: tuple[Read, ...] = (
    _orders,
    _items,
    _ended,
    _undeliverable,
    _platforms,
    _delivery,
    _sealing,
    _violations,
    _brakes,
    _invariant,
)

# Of all databases of the server, as the snapshots that seals and cursors wait for.
# Vacuum holds nobody up.
OLDEST_TRANSACTION = sql(
    """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(xact_start) FROM pg_stat_activity
            WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
                AND pid <> pg_backend_pid()
                AND backend_type <> 'autovacuum worker'),
        (SELECT min(prepared) FROM pg_prepared_xacts)
    )), 0)"""
)
VIOLATIONS_SINCE = sql(
    f"""
    SELECT count(*) FROM (
        SELECT platform_id FROM violations WHERE id > :since ORDER BY id LIMIT :most
    ) v
    JOIN platforms p ON p.id = v.platform_id AND p.world = {World.REAL.code}""",
    since=UUID,
    most=INT,
)
STOPPED = sql(
    f"""
    SELECT count(*) FROM (
        SELECT FROM clearances
        WHERE status <> {ClearanceStatus.COMPLETED.code}
            AND status = {ClearanceStatus.STOPPED.code} AND {REAL}
        ORDER BY id DESC
        LIMIT :most
    ) c""",
    most=INT,
)
