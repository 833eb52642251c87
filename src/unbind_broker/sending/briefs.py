# ruff: noqa: S608 - only enum codes are put into statements
"""What every platform is told about an order: read once per order, kept a while."""

import logging
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import UUIDS, Db, fetch_all, sql
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.states import Action, OrderKind, OrderStatus, Scope
from unbind_broker.sending.payloads import OutgoingItem

log = logging.getLogger(__name__)

MOST_KEPT = 20_000

_READ = sql(
    f"""
    SELECT o.id, o.kind, o.scope, o.action, o.number_sealed, o.owner_since,
        o.bound_from, o.bound_before, o.created_at, o.deadline, c.slug
    FROM orders o
    JOIN carriers c ON c.id = o.carrier_id
    WHERE o.id = ANY(:orders) AND o.status = {OrderStatus.IN_PROGRESS.code}
    """,
    orders=UUIDS,
)


class Briefs:
    """Keep the orders that were read last."""

    def __init__(self, sealer: Sealer, most: int = MOST_KEPT) -> None:
        self._sealer = sealer
        self._most = most
        self._kept: OrderedDict[UUID, OutgoingItem] = OrderedDict()

    async def load(
        self, db: Db, now: datetime, order_ids: Collection[UUID]
    ) -> dict[UUID, OutgoingItem]:
        """Give those of the orders that may be sent: in progress and not overdue.

        An order that is kept may have ended meanwhile; its items say so.
        """
        found: dict[UUID, OutgoingItem] = {}
        missing = []
        for order_id in order_ids:
            item = self._kept.get(order_id)
            # A deadline may have moved later since the order was read.
            if item is None or item.deadline <= now:
                missing.append(order_id)
            else:
                self._kept.move_to_end(order_id)
                found[order_id] = item
        if missing:
            for row in await fetch_all(db, _READ, {"orders": missing}):
                if row.deadline > now:
                    found[row.id] = self._keep(self._item(row))
        return found

    def _keep(self, item: OutgoingItem) -> OutgoingItem:
        self._kept[item.order_id] = item
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return item

    def _item(self, row: Any) -> OutgoingItem:
        return OutgoingItem(
            order_id=row.id,
            kind=OrderKind.from_code(row.kind),
            number=self._unseal(row.id, row.number_sealed),
            scope=Scope.from_code(row.scope),
            action=None if row.action is None else Action.from_code(row.action),
            owner_since=row.owner_since,
            bound_from=row.bound_from,
            bound_before=row.bound_before,
            carrier=row.slug,
            created_at=row.created_at,
            deadline=row.deadline,
        )

    def _unseal(self, order_id: UUID, sealed: bytes) -> PhoneNumber | None:
        try:
            return open_number(self._sealer, sealed)
        except SealBroken as broken:
            extra = {"order_id": str(order_id), "reason": broken.detail}
            log.warning("number_unreadable", extra=extra)
            return None
