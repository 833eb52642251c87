"""What every platform is told about an order: read once per order, kept a while."""

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.database import UUIDS, Db, fetch_all, sql
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.base.tracing import read_traceparent
from unbind_broker.carriers.tables import REAL_SLUG
from unbind_broker.deliveries.reminders import STARTS_AT
from unbind_broker.orders.sealed_numbers import open_attestation, open_number
from unbind_broker.orders.states import Action, OrderKind, OrderStatus, Scope
from unbind_broker.sending.payloads import OutgoingItem

log = logging.getLogger(__name__)

MOST_KEPT = 10_000
FRESH = timedelta(seconds=1)
"""An order that was read longer ago is looked up again: it may have been called back,
or held, and nothing of it may go out any more."""

# Orders are looked up one by one (LATERAL with LIMIT): a plan that was made when there
# were few of them would read all that are open.
_TOLD = f"""
    SELECT o.id, o.kind, o.scope, o.action, o.number_sealed, o.owner_since,
        o.bound_from, o.bound_before, o.created_at, o.deadline, o.attestation_sealed,
        o.restores, o.traceparent, {REAL_SLUG} AS slug, {STARTS_AT} AS starts_at,
        EXISTS (SELECT FROM clearances r WHERE r.id = o.restores) AS of_clearance
    FROM unnest(:orders) AS n (id)
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = n.id LIMIT 1) o
    JOIN carriers ON carriers.id = o.carrier_id
"""  # noqa: S608 - an expression of ours
_READ = sql(f"{_TOLD} WHERE o.status = {OrderStatus.IN_PROGRESS.code}", orders=UUIDS)
_RECALL = sql(f"{_TOLD} WHERE o.number_sealed IS NOT NULL", orders=UUIDS)
_LEADERS = sql(
    """
    SELECT order_id, platform_id, follows FROM items
    WHERE order_id = ANY(:orders) AND follows IS NOT NULL
    """,
    orders=UUIDS,
)

KnownAs = Mapping[int, UUID]
"""Under which order's id a platform knows an item, where it is another one's."""


class Briefs:
    """Keep the orders that were read last."""

    def __init__(self, sealer: Sealer, most: int = MOST_KEPT) -> None:
        self._sealer = sealer
        self._most = most
        self._kept: OrderedDict[UUID, _Brief] = OrderedDict()

    async def load(
        self, db: Db, now: datetime, order_ids: Collection[UUID]
    ) -> dict[UUID, OutgoingItem]:
        """Give those of the orders that may be sent: in progress and not overdue.

        An order that is kept may have ended a moment ago; its items say so.
        """
        found: dict[UUID, OutgoingItem] = {}
        missing = []
        for order_id in order_ids:
            brief = self._kept.get(order_id)
            # A deadline may have moved later since the order was read.
            if brief is None or brief.is_stale(now) or brief.item.deadline <= now:
                missing.append(order_id)
            else:
                self._kept.move_to_end(order_id)
                found[order_id] = brief.item
        if missing:
            rows = await fetch_all(db, _READ, {"orders": missing})
            leaders = await _leaders(db, rows)
            for row in rows:
                if row.deadline > now:
                    known_as = leaders.get(row.restores, {})
                    found[row.id] = self._keep(row, known_as, now)
        return found

    async def recall(
        self, db: Db, order_ids: Collection[UUID]
    ) -> dict[UUID, OutgoingItem]:
        """Give orders as platforms were told of them, wherever they stand now.

        Those whose number was destroyed are left out. Nothing of it is kept.
        """
        rows = await fetch_all(db, _RECALL, {"orders": list(order_ids)})
        leaders = await _leaders(db, rows)
        return {row.id: self._item(row, leaders.get(row.restores, {})) for row in rows}

    def _keep(self, row: Any, known_as: KnownAs, now: datetime) -> OutgoingItem:
        before = self._kept.pop(row.id, None)
        # Nothing else of an order that is in progress ever changes.
        same = before is not None and before.item.deadline == row.deadline
        item = before.item if before is not None and same else self._item(row, known_as)
        self._kept[row.id] = _Brief(item, now)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return item

    def _item(self, row: Any, known_as: KnownAs) -> OutgoingItem:
        number, attestation = self._unseal(row)
        return OutgoingItem(
            order_id=row.id,
            kind=OrderKind.from_code(row.kind),
            number=number,
            scope=Scope.from_code(row.scope),
            action=None if row.action is None else Action.from_code(row.action),
            owner_since=row.owner_since,
            bound_from=row.bound_from,
            bound_before=row.bound_before,
            carrier=row.slug,
            created_at=row.created_at,
            deadline=row.deadline,
            attestation=attestation,
            restores=row.restores,
            of_clearance=row.of_clearance,
            starts_at=row.starts_at,
            trace=read_traceparent(row.traceparent),
            known_as=known_as,
        )

    def _unseal(self, row: Any) -> tuple[PhoneNumber | None, str | None]:
        """Open the number and the attestation; neither goes out without the other."""
        if row.number_sealed is None:
            return None, None
        try:
            number = open_number(self._sealer, row.number_sealed)
        except SealBroken as broken:
            return _unreadable("number_unreadable", row.id, broken)
        if row.attestation_sealed is None:
            return number, None
        try:
            return number, open_attestation(self._sealer, row.attestation_sealed)
        except SealBroken as broken:
            return _unreadable("attestation_unreadable", row.id, broken)


async def _leaders(db: Db, rows: Sequence[Any]) -> dict[UUID, KnownAs]:
    """Find where the items that are undone were asked for under another order's id."""
    undone = [row.restores for row in rows if row.restores is not None]
    if not undone:
        return {}
    found: defaultdict[UUID, dict[int, UUID]] = defaultdict(dict)
    for row in await fetch_all(db, _LEADERS, {"orders": undone}):
        found[row.order_id][row.platform_id] = row.follows
    return dict(found)


class _Brief(NamedTuple):
    item: OutgoingItem
    read_at: datetime

    def is_stale(self, now: datetime) -> bool:
        # The wall clock may have been set back.
        return not timedelta(0) <= now - self.read_at <= FRESH


def _unreadable(what: str, order_id: UUID, broken: SealBroken) -> tuple[None, None]:
    log.warning(what, extra={"order_id": str(order_id), "reason": broken.detail})
    return None, None
