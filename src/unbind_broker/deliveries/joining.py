"""Send an item that followed another one which ended without an answer."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import new_uuid7
from unbind_broker.deliveries.queue import REQUESTS, Due, Subject, schedule
from unbind_broker.deliveries.undelivered import keep
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.joining import Freed, lock_astray, pass_on, set_free
from unbind_broker.orders.states import OrderKind


async def promote(db: Db, now: datetime, ended: Collection[ItemKey]) -> Freed:
    """Send the oldest open follower of each ended leader under its own id.

    Those that ended by their platform's word, or are not followed, may be among
    ``ended``; they count for nothing. The caller has locked all of them. What belongs
    to a held order waits until that is released. Folded items that were finished for
    their carriers stay so, as if they were requeued.
    """
    freed = await set_free(db, now, ended)
    if freed.leading:
        # The log may have passed them long ago. Where it has not, whoever reads both
        # sends them once.
        await schedule(db, await _requests(db, now, freed))
    await keep(db, now, freed.finished)
    return freed


async def mend_astray(db: Db, now: datetime, order_ids: Collection[UUID]) -> set[UUID]:
    """Give open followers in these orders what final leaders left them without.

    Call it before anything else locks items: it locks leaders of any age. Orders that
    may be complete by it are left to be settled in another transaction. Returns those
    whose carriers see again that an item is queued.
    """
    leaders = await lock_astray(db, order_ids)
    await pass_on(db, now, leaders)
    return (await promote(db, now, leaders)).changed


async def _requests(db: Db, now: datetime, freed: Freed) -> list[Due]:
    """Ask for what leads now; for what is finished for carriers, as if once more."""
    finished, occasion = {*freed.finished}, new_uuid7(now)
    return [
        Due(
            Subject(row.endpoint_id, _request(row), row.order_id),
            now,
            attempt=0,
            occasion=occasion if ItemKey(*row[:2]) in finished else None,
        )
        for row in await fetch_all(db, _ASKED, key_arrays(freed.leading))
    ]


def _request(row: Any) -> EventType:
    return REQUESTS[OrderKind.from_code(row.kind)]


_ASKED = sql(
    """
    SELECT o.id AS order_id, e.platform_id, e.id AS endpoint_id, o.kind
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN orders o ON o.id = n.order_id
    JOIN endpoints e ON e.platform_id = n.platform_id""",
    orders=UUIDS,
    platforms=INTS,
)
