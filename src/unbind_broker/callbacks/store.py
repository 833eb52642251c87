# ruff: noqa: S608 - only column names and enum codes are put into the statement
"""Rows behind a platform's report."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from unbind_broker.base.coded_enum import members_by_code
from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.callbacks.demands import Question
from unbind_broker.items.item import Item, ItemKey, key_arrays
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)


class AskedOrder(NamedTuple):
    """Whose order an item is part of.

    ``is_folded``: its carrier is never told anything of this platform by name.
    """

    carrier_id: CarrierId
    reference: str | None
    is_folded: bool


class AskedItem(NamedTuple):
    """An item, locked, with what was asked and by whom; others may follow it."""

    item: Item
    question: Question
    order: AskedOrder
    followed: bool
    attempts: int
    ended_before: bool  # and was opened again, by a requeue

    @property
    def is_unaware(self) -> bool:
        """Tell whether the platform was asked, and not told that it was called back.

        A report on an item of which no attempt is recorded proves that the record was
        lost in a crash.
        """
        return self.item.status is ItemStatus.CANCELLED and not self.attempts

    @property
    def is_seen_changing(self) -> bool:
        """Tell whether its carrier sees that it changes: a folded one only ends once.

        That is when it is taken, for the first time.
        """
        if not self.order.is_folded:
            return True
        return self.item.status is ItemStatus.QUEUED and not self.ended_before


@dataclass(frozen=True)
class Reporter:
    """The platform that reports."""

    id: PlatformId
    slug: str
    domains: tuple[str, ...]
    sensitive: bool


async def load_reporters(
    db: Db, named: Collection[PlatformId]
) -> dict[PlatformId, Reporter]:
    """Read what judging needs of platforms."""
    rows = await fetch_all(db, _REPORTERS, {"platforms": list(named)})
    return {
        row.id: Reporter(row.id, row.slug, tuple(row.domains), row.sensitive)
        for row in rows
    }


async def lock_items(
    db: Db, reporters: Mapping[PlatformId, Reporter], keys: Collection[ItemKey]
) -> dict[ItemKey, AskedItem]:
    """Lock items in the order of their keys, and read what they are.

    Those that follow others were never sent to their platforms.
    """
    if not keys:
        return {}
    rows = await fetch_all(db, _LOCK, key_arrays(keys))
    found = (_asked_item(row, reporters) for row in rows)
    return {asked.item.key: asked for asked in found}


def _asked_item(row: Any, reporters: Mapping[PlatformId, Reporter]) -> AskedItem:
    """Read one row by the places of its columns: a second brings thousands."""
    order_id, platform_id, status, reason, action, followed, attempts, *others = row
    kind, wanted, bound_from, bound_before, deadline, held, *others = others
    carrier_id, reference, scope, ended_before, late, *plain = others
    reporter = reporters[platform_id]
    item = Item(
        ItemKey(order_id, platform_id),
        _STATUSES[status],
        late,
        reason and _REASONS[reason],
        action and _HOLDER_ACTIONS[action],
        *plain,
    )
    question = Question(
        kind=_KINDS[kind],
        action=wanted and _ACTIONS[wanted],
        bound_from=bound_from,
        bound_before=bound_before,
        deadline=deadline,
        held=held,
        domains=reporter.domains,
    )
    is_folded = reporter.sensitive and scope == Scope.PREVIOUS_OWNER.code
    order = AskedOrder(carrier_id, reference, is_folded)
    return AskedItem(item, question, order, followed, attempts, ended_before)


_REPORTERS = sql(
    """
    SELECT id, slug, domains, sensitive FROM platforms WHERE id = ANY(:platforms)
    """,
    platforms=INTS,
)
_CODED = ("status", "reason", "holder_action")
_PLAIN = ("late", *Item._fields[Item._fields.index("holder_action") + 1 :])
_STATUSES = members_by_code(ItemStatus)
_REASONS = members_by_code(Reason)
_HOLDER_ACTIONS = members_by_code(HolderAction)
_KINDS = members_by_code(OrderKind)
_ACTIONS = members_by_code(Action)
_LOCK = sql(
    f"""
    SELECT i.order_id, i.platform_id, {", ".join(f"i.{name}" for name in _CODED)},
        i.followed, i.attempts,
        o.kind, o.action, o.bound_from, o.bound_before, o.deadline,
        o.status = {OrderStatus.HELD.code}
            AND o.held_for IS DISTINCT FROM {HoldReason.BRAKED.code},
        o.carrier_id, o.reference, o.scope,
        EXISTS (
            SELECT FROM undelivered u
            WHERE u.order_id = i.order_id AND u.platform_id = i.platform_id),
        {", ".join(f"i.{name}" for name in _PLAIN)}
    FROM unnest(:orders, :platforms) AS named (order_id, platform_id)
    JOIN items i USING (order_id, platform_id)
    JOIN orders o ON o.id = i.order_id
    WHERE i.follows IS NULL
    ORDER BY i.order_id, i.platform_id
    FOR NO KEY UPDATE OF i""",
    orders=UUIDS,
    platforms=INTS,
)
