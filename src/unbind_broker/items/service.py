# ruff: noqa: S608 - only column names and enum codes are put into statements
"""What happens to items, one statement per verb however many items there are.

Every statement locks its rows in the order of their key first, so that two of them
never wait for each other in a circle. A key is named once per call.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Boolean
from sqlalchemy.dialects.postgresql import ARRAY

from unbind_broker.base.database import (
    INSTANT,
    INSTANTS,
    INTS,
    SMALLS,
    TEXTS,
    UUIDS,
    Db,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.items.item import Item, ItemKey, key_arrays
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus
from unbind_broker.platforms.receiving import (
    CARRIER_OF_ORDER,
    RECEIVERS,
    RECEIVES,
    in_world_of,
)

_QUEUED = ItemStatus.QUEUED.code
_ACKNOWLEDGED = ItemStatus.ACKNOWLEDGED.code
_UNDELIVERABLE = ItemStatus.UNDELIVERABLE.code
_CANCELLED = ItemStatus.CANCELLED.code
_ONE_MORE = "attempts = least(i.attempts + 1, 32767)"


async def create(
    db: Db, order_id: OrderId, platforms: Collection[PlatformId] | None
) -> int:
    """Make an item for each platform that receives items, and count them.

    Those are the active ones with a verified endpoint, of ``platforms`` or of all.
    """
    if platforms is None:
        return (await db.execute(_CREATE_FOR_ALL, {"order": order_id})).rowcount
    values = {"order": order_id, "platforms": list(platforms)}
    return (await db.execute(_CREATE_FOR_SOME, values)).rowcount


def creating(carrier: str) -> str:
    """Make items of ``:order`` at all platforms that get what ``carrier`` asks."""
    return f"""
    INSERT INTO items (order_id, platform_id, status, attempts, late)
    SELECT :order, p.id, {_QUEUED}, 0, false FROM {RECEIVERS}
    WHERE {RECEIVES} AND {in_world_of(carrier)}
"""


_CREATE = creating(CARRIER_OF_ORDER)
_CREATE_FOR_ALL = sql(_CREATE, order=UUID_TYPE)
_CREATE_FOR_SOME = sql(
    f"{_CREATE} AND p.id = ANY(:platforms)", order=UUID_TYPE, platforms=INTS
)


async def lock(db: Db, keys: Collection[ItemKey]) -> None:
    """Lock items ahead of several verbs, which could lock them in different orders."""
    await db.execute(_LOCK, key_arrays(keys))


class Answered(NamedTuple):
    """Items whose attempt was counted and which need more than that.

    ``taken`` are those that were taken by it, ``followed`` those of them that others
    follow, ``called_back`` those that had been cancelled meanwhile.
    """

    taken: list[ItemKey]
    followed: list[ItemKey]
    called_back: list[ItemKey]


async def acknowledge(db: Db, now: datetime, keys: Collection[ItemKey]) -> Answered:
    """Count an attempt that was answered with 2xx; queued items are taken by it."""
    found = await db.execute(_ACKNOWLEDGE, {**key_arrays(keys), "now": now})
    arrays = [one or [] for one in found.one()]
    taken, followed, called_back = (
        [*map(ItemKey, *arrays[place : place + 2])] for place in (0, 2, 4)
    )
    return Answered(taken, followed, called_back)


async def count_attempts(db: Db, keys: Collection[ItemKey]) -> list[ItemKey]:
    """Count an attempt that failed; nothing else changes.

    Returns those that had been cancelled meanwhile.
    """
    rows = await db.execute(_COUNT_ATTEMPTS, key_arrays(keys))
    return [ItemKey(*row) for row in rows]


async def mark_undeliverable(
    db: Db, now: datetime, keys: Collection[ItemKey]
) -> list[ItemKey]:
    """End queued items that will never be taken; return those that it ended.

    The attempt that led to it is counted by ``count_attempts``.
    """
    rows = await db.execute(_MARK_UNDELIVERABLE, {**key_arrays(keys), "now": now})
    return [ItemKey(*row) for row in rows]


_LOCKED = """
    SELECT i.order_id, i.platform_id, i.status AS was
    FROM unnest(:orders, :platforms) AS named (order_id, platform_id)
    JOIN items i USING (order_id, platform_id)
    ORDER BY i.order_id, i.platform_id
    FOR NO KEY UPDATE OF i
"""
_LOCK = sql(_LOCKED, orders=UUIDS, platforms=INTS)
_NAMED = f"WITH locked AS ({_LOCKED})"
_EACH_LOCKED = """
    FROM locked l
    WHERE i.order_id = l.order_id AND i.platform_id = l.platform_id
"""
_TAKEN = f"was = {_QUEUED} AND status = {_ACKNOWLEDGED}"


def _keys_where(condition: str) -> str:
    """Give keys as two arrays: a row for each would cost more than all the rest."""
    return ", ".join(
        f"array_agg({column}) FILTER (WHERE {condition})"
        for column in ("order_id", "platform_id")
    )


_ACKNOWLEDGE = sql(
    f"""{_NAMED}, counted AS (
        UPDATE items i SET {_ONE_MORE},
            acknowledged_at = CASE
                WHEN i.status = {_QUEUED} THEN :now ELSE i.acknowledged_at END,
            status = CASE
                WHEN i.status = {_QUEUED} THEN {_ACKNOWLEDGED} ELSE i.status END
        {_EACH_LOCKED}
        RETURNING i.order_id, i.platform_id, i.status, i.followed, l.was
    )
    SELECT {_keys_where(_TAKEN)}, {_keys_where(f"{_TAKEN} AND followed")},
        {_keys_where(f"status = {_CANCELLED}")}
    FROM (SELECT * FROM counted ORDER BY order_id, platform_id) counted""",
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
_COUNT_ATTEMPTS = sql(
    f"""{_NAMED}, counted AS (
        UPDATE items i SET {_ONE_MORE} {_EACH_LOCKED}
        RETURNING i.order_id, i.platform_id, i.status
    )
    SELECT order_id, platform_id FROM counted WHERE status = {_CANCELLED}
    ORDER BY order_id, platform_id""",
    orders=UUIDS,
    platforms=INTS,
)
_MARK_UNDELIVERABLE = sql(
    f"""{_NAMED}
    UPDATE items i SET status = {_UNDELIVERABLE}, finished_at = :now
    {_EACH_LOCKED} AND i.status = {_QUEUED}
    RETURNING i.order_id, i.platform_id""",
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)


async def hand_out(
    db: Db, platform: PlatformId, order_ids: Collection[UUID]
) -> set[UUID]:
    """Count an attempt of those that wait still; return their orders."""
    if not order_ids:
        return set()
    values = {"orders": list(order_ids), "platforms": [platform] * len(order_ids)}
    return set((await db.execute(_HAND_OUT, values)).scalars())


_HAND_OUT = sql(
    f"""{_NAMED}
    UPDATE items i SET {_ONE_MORE} {_EACH_LOCKED}
        AND i.status = {_QUEUED} AND i.follows IS NULL
    RETURNING i.order_id""",
    orders=UUIDS,
    platforms=INTS,
)


async def replace(
    db: Db, changed: Sequence[Item], evidence_id: UUID | None = None
) -> None:
    """Write what a report changed. The caller has locked these items.

    ``evidence_id`` names the report if it is signed: the evidence of every result.
    """
    if not changed:
        return
    plain = zip(*map(_plain_values, changed), strict=True)
    columns: dict[str, list[object]] = {
        "statuses": [item.status.code for item in changed],
        "lates": [item.late for item in changed],
        "reasons": [item.reason and item.reason.code for item in changed],
        "actions": [item.holder_action and item.holder_action.code for item in changed],
        **dict(zip(_PLAIN_NAMES, map(list, plain), strict=True)),
    }
    values = {name: _unless_null(column) for name, column in columns.items()}
    keys = key_arrays([item.key for item in changed])
    await db.execute(_REPLACE, {**keys, **values, "evidence": evidence_id})


def _unless_null(column: list[object]) -> list[object]:
    """Leave nulls to ``unnest``, which adds them where an array is shorter."""
    return column if column.count(None) < len(column) else []


_NUMBERS = ("bindings", "removed", "kept")
_TIMES = (
    "acknowledged_at",
    "finished_at",
    "last_bound_at",
    "restorable_until",
    "expected_at",
    "cooling_off_until",
)
_TEXTS = ("action_url", "detail")
_PLAIN = (*_NUMBERS, *_TIMES, *_TEXTS)
_PLAIN_NAMES = [f"{column}_values" for column in _PLAIN]
_plain_values = attrgetter(*_PLAIN)
_REPLACE = sql(
    f"""
    UPDATE items i SET
        status = n.status, late = n.late, reason = n.reason,
        holder_action = n.holder_action,
        evidence_id = CASE WHEN n.status >= {FIRST_FINAL_CODE} THEN :evidence END,
        {", ".join(f"{column} = n.{column}" for column in _PLAIN)}
    FROM unnest(
        :orders, :platforms, :statuses, :lates, :reasons, :actions,
        {", ".join(f":{column}_values" for column in _PLAIN)}
    ) AS n (
        order_id, platform_id, status, late, reason, holder_action,
        {", ".join(_PLAIN)}
    )
    WHERE i.order_id = n.order_id AND i.platform_id = n.platform_id""",
    orders=UUIDS,
    platforms=INTS,
    statuses=SMALLS,
    lates=ARRAY(Boolean()),
    reasons=SMALLS,
    actions=SMALLS,
    **{f"{column}_values": INTS for column in _NUMBERS},
    **{f"{column}_values": INSTANTS for column in _TIMES},
    **{f"{column}_values": TEXTS for column in _TEXTS},
    evidence=UUID_TYPE,
)
