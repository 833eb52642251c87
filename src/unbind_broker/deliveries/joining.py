"""Send an item that followed another one which ended without an answer."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.deliveries.queue import REQUESTS, Due, Subject, schedule
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.joining import lock_astray, pass_on, set_free
from unbind_broker.orders.states import OrderKind


async def promote(db: Db, now: datetime, ended: Collection[ItemKey]) -> list[ItemKey]:
    """Send the oldest open follower of each ended leader under its own id.

    Those that ended by their platform's word, or are not followed, may be among
    ``ended``; they count for nothing. The caller has locked all of them. Returns the
    items that lead now. What belongs to a held order waits until that is released.
    """
    leading = await set_free(db, now, ended)
    if leading:
        # The log may have passed them long ago. Where it has not, whoever reads both
        # sends them once.
        await schedule(db, [Due(one, now, 0) for one in await _requests(db, leading)])
    return leading


async def mend_astray(db: Db, now: datetime, order_ids: Collection[UUID]) -> None:
    """Give open followers in these orders what final leaders left them without.

    Call it before anything else locks items: it locks leaders of any age. Orders that
    may be complete by it are left to be settled in another transaction.
    """
    leaders = await lock_astray(db, order_ids)
    await pass_on(db, now, leaders)
    await promote(db, now, leaders)


async def _requests(db: Db, keys: Collection[ItemKey]) -> list[Subject]:
    return [
        Subject(row.endpoint_id, REQUESTS[OrderKind.from_code(row.kind)], row.order_id)
        for row in await fetch_all(db, _ASKED, key_arrays(keys))
    ]


_ASKED = sql(
    """
    SELECT e.id AS endpoint_id, o.kind, o.id AS order_id
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN orders o ON o.id = n.order_id
    JOIN endpoints e ON e.platform_id = n.platform_id""",
    orders=UUIDS,
    platforms=INTS,
)
