# ruff: noqa: S608 - only enum codes and column names are put into statements
"""Items that follow an equal one: not sent themselves, they take what it gets.

The *leader* is flagged ``followed``; a *follower* names the leader's order in
``follows`` and has the same platform. A leader follows nobody itself.

No statement here waits for a follower that somebody else holds: whoever holds a
leader would otherwise wait for locks out of their order, and in a circle. Those that
hold a follower are about to end it; should they not, it is *astray* until it is mended.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import ENDED_BY_US, FIRST_FINAL_CODE, ItemStatus
from unbind_broker.orders.states import OPEN as OPEN_ORDERS
from unbind_broker.orders.states import Scope
from unbind_broker.platforms.receiving import (
    CARRIER_OF_ORDER,
    RECEIVERS,
    RECEIVES,
    in_world_of,
)


class Created(NamedTuple):
    """How many items were made, how many follow others, how many are final at once."""

    items: int
    joined: int = 0
    final: int = 0


class Freed(NamedTuple):
    """What became of the followers of leaders that ended without an answer.

    ``leading`` stand for themselves now. What their platform told is lost again, of
    those items of ``changed`` orders that are shown to their carriers, and of those
    that are folded: these were ``finished`` for their carriers.
    """

    leading: list[ItemKey]
    changed: set[UUID]
    finished: list[ItemKey]


async def create_joined(
    db: Db,
    now: datetime,
    order_id: OrderId,
    platforms: Collection[PlatformId] | None,
    leaders: Collection[ItemKey],
) -> Created:
    """Make an item for each platform that receives items, as ``service.create`` does.

    Those of the platforms of ``leaders``, which the caller has locked, follow them and
    have at once what these have.
    """
    values = {**key_arrays(leaders), "order": order_id, "now": now}
    values |= {"chosen": None if platforms is None else list(platforms)}
    return Created(*(await db.execute(_CREATE_JOINED, values)).one())


async def pass_on(db: Db, now: datetime, leaders: Collection[ItemKey]) -> set[UUID]:
    """Give followers what their leaders, which the caller has locked, have now.

    Returns the followers' orders, to be settled once this has committed. Followers
    that were called back stay so; one that ended for want of an answer takes a result
    late. What a leader became without its platform's word is not passed on, but for
    what nobody will take to items of the query that is repeated.
    """
    if not leaders:
        return set()
    values = {**key_arrays(leaders), "now": now}
    return set((await db.execute(_PASS_ON, values)).scalars())


async def set_free(db: Db, now: datetime, ended: Collection[ItemKey]) -> Freed:
    """Let the oldest open follower of each ended leader stand for itself, unsent.

    The others follow it from now on. Whatever the leader's platform told on the way
    counts no longer: the followers are queued again. The caller has locked the leaders.
    Followers whose own deadline has passed are left to that. So are those of the query
    that they repeat, unless it was called back: they end with it.
    """
    if not ended:
        return Freed([], set(), [])
    rows = await fetch_all(db, _SET_FREE, {**key_arrays(ended), "now": now})
    taken = [row for row in rows if row.was > _QUEUED]
    return Freed(
        [_key(row) for row in rows if row.leads],
        {row.order_id for row in taken if not row.folded},
        [_key(row) for row in taken if row.folded],
    )


async def lock_astray(db: Db, order_ids: Collection[UUID]) -> list[ItemKey]:
    """Lock the final leaders of items in these orders that are open all the same."""
    rows = await fetch_all(db, _LOCK_ASTRAY, {"orders": list(order_ids)})
    return [ItemKey(row.order_id, row.platform_id) for row in rows]


def _key(row: Any) -> ItemKey:
    return ItemKey(row.order_id, row.platform_id)


_QUEUED = ItemStatus.QUEUED.code
_IS_OPEN = f"f.status < {FIRST_FINAL_CODE}"
_ENDED_BY_US = codes_of(ENDED_BY_US)
_OPEN_ORDERS = codes_of(OPEN_ORDERS)


TOLD = (
    "reason",
    "holder_action",
    "bindings",
    "removed",
    "kept",
    "last_bound_at",
    "restorable_until",
    "expected_at",
    "cooling_off_until",
    "action_url",
    "detail",
    "evidence_id",
)
"""What a platform told of an item, besides its status."""


def _followers(leaders: str, which: str) -> str:
    """Lock ``which`` followers ``f``, in orders ``o``, of some ``leaders`` ``i``.

    Items have no index but their key. Followers are found among the orders of the
    leader's number, which are few; LATERAL with OFFSET or a lock in it keeps Postgres
    at looking up one by one.
    """
    return f"""
        SELECT f.order_id, f.platform_id, f.was, o.deadline, i.order_id AS leader,
            p.sensitive AND o.scope = {Scope.PREVIOUS_OWNER.code} AS folded,
            i.status, i.acknowledged_at, i.finished_at,
            {", ".join(f"i.{column}" for column in TOLD)}
        FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
        CROSS JOIN LATERAL (
            SELECT * FROM items i
            WHERE i.order_id = n.order_id AND i.platform_id = n.platform_id
                AND i.followed AND {leaders} OFFSET 0
        ) i
        CROSS JOIN LATERAL (
            SELECT number_index FROM orders WHERE id = i.order_id OFFSET 0
        ) led
        CROSS JOIN LATERAL (
            SELECT id, status, deadline, query_id, scope FROM orders
            WHERE number_index = led.number_index OFFSET 0
        ) o
        CROSS JOIN LATERAL (
            SELECT f.order_id, f.platform_id, f.status AS was FROM items f
            WHERE f.order_id = o.id AND f.platform_id = i.platform_id
                AND f.follows = i.order_id AND {which}
            FOR NO KEY UPDATE SKIP LOCKED
        ) f
        JOIN platforms p ON p.id = f.platform_id"""


_EACH_LOCKED = """
    f.order_id = k.order_id AND f.platform_id = k.platform_id
    AND f.order_id = ANY(ARRAY(SELECT order_id FROM locked))
"""
_CREATE_JOINED = sql(
    f"""
    WITH led AS (
        SELECT i.*
        FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
        JOIN items i USING (order_id, platform_id)
    ), flagged AS (
        UPDATE items i SET followed = true
        FROM led l
        WHERE i.order_id = l.order_id AND i.platform_id = l.platform_id
            AND NOT i.followed
    ), made AS (
        INSERT INTO items (
            order_id, platform_id, attempts, late, follows, status, acknowledged_at,
            finished_at, {", ".join(TOLD)})
        SELECT :order, p.id, 0, false, l.order_id, coalesce(l.status, {_QUEUED}),
            CASE WHEN l.status > {_QUEUED} THEN :now END,
            CASE WHEN l.status >= {FIRST_FINAL_CODE} THEN :now END,
            {", ".join(f"l.{column}" for column in TOLD)}
        FROM {RECEIVERS}
        LEFT JOIN led l ON l.platform_id = p.id
        WHERE {RECEIVES} AND {in_world_of(CARRIER_OF_ORDER)}
            AND (p.id = ANY(:chosen) OR :chosen IS NULL)
        RETURNING follows, status
    )
    SELECT count(*), count(follows), count(*) FILTER (
        WHERE status >= {FIRST_FINAL_CODE}) FROM made""",
    orders=UUIDS,
    platforms=INTS,
    order=UUID_TYPE,
    chosen=INTS,
    now=INSTANT,
)
_HAS_RESULT = f"(NOT {_IS_OPEN} AND f.status NOT IN ({_ENDED_BY_US}))"
# Both columns hold ids of orders, so this is true of nothing but repeated queries.
_REPEATS = "o.query_id = i.order_id"
_TAKING = _followers(
    f"""(i.status NOT IN ({_ENDED_BY_US})
        OR i.status = {ItemStatus.UNDELIVERABLE.code})""",
    f"""f.status <> {ItemStatus.CANCELLED.code}
        AND (i.status NOT IN ({_ENDED_BY_US}) OR {_REPEATS})""",
)
_WORDS_OF_LEADER = ", ".join(f"k.{column}" for column in ("status", *TOLD))
_WORDS_OF_FOLLOWER = ", ".join(f"f.{column}" for column in ("status", *TOLD))
_PASS_ON = sql(
    f"""
    WITH locked AS ({_TAKING})
    UPDATE items f SET status = k.status,
        acknowledged_at = coalesce(f.acknowledged_at, k.acknowledged_at),
        finished_at = CASE WHEN k.finished_at IS NOT NULL THEN :now END,
        late = CASE WHEN {_HAS_RESULT} THEN f.late
            ELSE NOT {_IS_OPEN} OR coalesce(k.finished_at > k.deadline, false) END,
        {", ".join(f"{column} = k.{column}" for column in TOLD)}
    FROM locked k
    WHERE {_EACH_LOCKED}
        AND ({_IS_OPEN} OR k.status >= {FIRST_FINAL_CODE})
        AND ({_WORDS_OF_LEADER}) IS DISTINCT FROM ({_WORDS_OF_FOLLOWER})
    RETURNING f.order_id""",
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
_LEFT = _followers(
    f"i.status IN ({_ENDED_BY_US})",
    f"""{_IS_OPEN} AND o.status IN ({_OPEN_ORDERS}) AND o.deadline > :now
        AND (i.status = {ItemStatus.CANCELLED.code} OR ({_REPEATS}) IS NOT TRUE)""",
)
_SET_FREE = sql(
    f"""
    WITH locked AS ({_LEFT}),
    ranked AS (
        SELECT order_id, platform_id, leader, was, folded,
            first_value(order_id) OVER oldest AS heir, count(*) OVER oldest AS heirs
        FROM locked
        WINDOW oldest AS (
            PARTITION BY leader, platform_id ORDER BY order_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ), moved AS (
        UPDATE items f SET
            follows = CASE WHEN k.heir <> f.order_id THEN k.heir END,
            followed = k.heir = f.order_id AND k.heirs > 1,
            status = {_QUEUED}, acknowledged_at = NULL,
            {", ".join(f"{column} = NULL" for column in TOLD)}
        FROM ranked k
        WHERE {_EACH_LOCKED}
        RETURNING f.order_id, f.platform_id, f.follows IS NULL AS leads, k.was, k.folded
    )
    SELECT order_id, platform_id, leads, was, folded FROM moved
    ORDER BY order_id, platform_id""",
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
_LOCK_ASTRAY = sql(
    f"""
    WITH leaders AS MATERIALIZED (
        SELECT DISTINCT f.follows, f.platform_id
        FROM unnest(:orders) AS n (order_id)
        CROSS JOIN LATERAL (
            SELECT f.follows, f.platform_id FROM items f
            WHERE f.order_id = n.order_id AND f.follows IS NOT NULL AND {_IS_OPEN}
            OFFSET 0
        ) f
    )
    SELECT l.order_id, l.platform_id
    FROM leaders s
    JOIN items l ON l.order_id = s.follows AND l.platform_id = s.platform_id
    WHERE l.order_id = ANY(ARRAY(SELECT follows FROM leaders))
        AND l.status >= {FIRST_FINAL_CODE}
    ORDER BY l.order_id, l.platform_id
    FOR NO KEY UPDATE OF l""",
    orders=UUIDS,
)
