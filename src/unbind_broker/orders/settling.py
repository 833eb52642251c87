# ruff: noqa: S608 - only enum codes are put into the statement
"""Complete orders whose items are all final, and say when their carriers may know.

An order is over *for its carrier* as soon as every item that the carrier sees is final
and every folded one is taken or ended. Folded are the items of sensitive platforms in
scope ``previous_owner``: how and when these end would tell whether there was a binding.
That instant is ``told_at``, and what comes after it changes nothing that a carrier can
read. The order itself is completed when every item is final, the folded ones too.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.orders.states import HoldReason, OrderStatus, Scope

NOBODY = PlatformId(0)
"""No platform has this number: those of the database begin at 1."""


class Concluded(NamedTuple):
    """Orders that are completed now, and those that are over for their carriers now."""

    completed: list[UUID]
    told: list[UUID]


async def conclude(
    db: Db, now: datetime, order_ids: Collection[UUID], beside: PlatformId = NOBODY
) -> Concluded:
    """Complete those of the orders that have no open item left.

    ``beside`` names the platform that has just reported, if one has: an open item is
    found sooner from there on.

    Those that are over for their carrier, though a folded item is still open, are
    marked as told. An order that was told stays told, whatever its platforms become.
    Telling is the caller's business: ``notices.ending`` does both at once.

    Call it in a transaction of its own, after the one that ended or took the items has
    committed: then the last to commit sees the work of all. Counting open items inside
    the items' own transactions would leave an order open for ever when its last results
    race. A requeue opens items again, and holds their order meanwhile: so what looks
    done is locked first, and then looked at once more.
    """
    if not order_ids:
        return Concluded([], [])
    values = {"orders": list(order_ids), "beside": beside}
    done = list((await db.execute(_LOCK_DONE, values)).scalars())
    if not done:
        return Concluded([], [])
    rows = await fetch_all(db, _SETTLE, {**values, "orders": done, "now": now})
    await record(db, now, *(_fact(row) for row in rows))
    return Concluded(
        [row.id for row in rows if row.completed],
        [row.id for row in rows if row.untold],
    )


def _fact(row: Any) -> Fact:
    action = "order.completed" if row.completed else "order.told"
    return Fact(actor="broker", action=action, order_id=row.id)


# Item statuses are codes here, because this package stands below `items`: 1 is queued,
# those below 10 are open. A folded item that was requeued has ended for its carrier
# before, and has its row in `undelivered` still. An order in the hands of the brake may
# end while it is held; under any other hold nothing was sent yet.
_OPEN = f"""(
    o.status = {OrderStatus.IN_PROGRESS.code}
    OR (o.status = {OrderStatus.HELD.code} AND o.held_for = {HoldReason.BRAKED.code})
)"""
_SENSITIVE = "ARRAY(SELECT p.id FROM platforms p WHERE p.sensitive)"
# The limits keep Postgres at looking orders up one by one: it stops at the first item
# that is open, and looks further only where that one is folded. It begins behind the
# platform that has just reported, because platforms that work through the same orders
# leave the finished items of all before them at the beginning.
# The CASE hides the status: orders are named, and not to be looked for among the open.
# The inner SELECT hides how many orders are named, so that one plan serves every call:
# planning anew takes longer than settling.
_DONE = f"""
        SELECT o.id, working.platform_id IS NULL AS completed,
            o.told_at IS NULL AS untold
        FROM orders o
        LEFT JOIN LATERAL (
            SELECT * FROM (
                (SELECT i.platform_id FROM items i
                WHERE i.order_id = o.id AND i.status < 10 AND i.platform_id > :beside
                LIMIT 1)
                UNION ALL
                (SELECT i.platform_id FROM items i
                WHERE i.order_id = o.id AND i.status < 10 AND i.platform_id <= :beside
                LIMIT 1)
            ) any_open
            LIMIT 1
        ) working ON true
        WHERE o.id = ANY((SELECT :orders)::uuid[])
            AND CASE
                WHEN {_OPEN} IS NOT TRUE THEN false
                WHEN working.platform_id IS NULL THEN true
                WHEN o.told_at IS NOT NULL OR o.scope <> {Scope.PREVIOUS_OWNER.code}
                    OR working.platform_id <> ALL ({_SENSITIVE}) THEN false
                ELSE (
                    SELECT true FROM items i
                    WHERE i.order_id = o.id AND i.status < 10
                        AND (
                            i.platform_id <> ALL ({_SENSITIVE})
                            OR (i.status = 1 AND (
                                SELECT true FROM undelivered u
                                WHERE u.order_id = i.order_id
                                    AND u.platform_id = i.platform_id
                                LIMIT 1) IS NULL))
                    LIMIT 1) IS NULL
            END
        ORDER BY o.id
        FOR NO KEY UPDATE OF o"""
_LOCK_DONE = sql(f"SELECT id FROM ({_DONE}) done", orders=UUIDS, beside=INT)
_SETTLE = sql(
    f"""
    WITH done AS ({_DONE})
    UPDATE orders o
    SET told_at = coalesce(o.told_at, :now),
        status = CASE
            WHEN done.completed THEN {OrderStatus.COMPLETED.code} ELSE o.status END,
        completed_at = CASE
            WHEN done.completed THEN greatest(:now, o.told_at) ELSE o.completed_at END
    FROM done
    WHERE o.id = done.id
    RETURNING o.id, done.completed, done.untold""",
    orders=UUIDS,
    beside=INT,
    now=INSTANT,
)
