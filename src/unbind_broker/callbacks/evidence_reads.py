"""What auditors read of the evidence (a read model): reports as they were received."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from unbind_broker.base.database import Db
from unbind_broker.callbacks.tables import evidence
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms

MOST_BYTES = 8 * 1024 * 1024
"""Of bodies in one page: a page ends before, but holds one report at least."""


@dataclass(frozen=True)
class KeptReport:
    """A signed report; ``named`` is the order under whose id the platform knew it.

    That is another one where the item joined an earlier request. ``body`` is None once
    its time was over.
    """

    platform: str
    named: UUID
    webhook_id: str
    timestamp: str
    signature: str
    public_key: str
    body: bytes | None
    sha256: bytes
    received_at: datetime


@dataclass(frozen=True)
class FoundReport:
    """A signed report by itself; ``body`` is as it is kept, perhaps sealed."""

    platform: str
    webhook_id: str
    timestamp: str
    signature: str
    public_key: str
    body: bytes | None
    sha256: bytes
    received_at: datetime


async def kind_of(db: Db, order_id: UUID) -> OrderKind | None:
    """Tell what kind of order this is; None if there is none."""
    found = await db.execute(select(orders.c.kind).where(orders.c.id == order_id))
    kind: OrderKind | None = found.scalar_one_or_none()
    return kind


async def list_page(
    db: Db, order_id: UUID, after: str | None, limit: int
) -> tuple[list[KeptReport], bool]:
    """Read the reports that set an order's standing results, by their platforms.

    Says also whether more of them come behind.
    """
    page = (
        select(evidence.c.id, func.coalesce(func.length(evidence.c.body), 0))
        .select_from(_OF_ITEMS)
        .where(items.c.order_id == order_id)
        .order_by(platforms.c.slug)
        .limit(limit + 1)
    )
    if after is not None:
        page = page.where(platforms.c.slug > after)
    found = [(row[0], row[1]) for row in await db.execute(page)]
    chosen = _within_size(found[:limit])
    rows = await db.execute(
        select(*_COLUMNS)
        .select_from(_OF_ITEMS)
        .where(items.c.order_id == order_id, evidence.c.id.in_(chosen))
        .order_by(platforms.c.slug)
    )
    return [KeptReport(*row) for row in rows], len(found) > len(chosen)


async def find_report(db: Db, evidence_id: UUID) -> FoundReport | None:
    """Read one report by the id that the trail gives it; None: there is none."""
    found = await db.execute(_ONE.where(evidence.c.id == evidence_id))
    row = found.one_or_none()
    return None if row is None else FoundReport(*row)


def _within_size(found: Sequence[tuple[UUID, int]]) -> list[UUID]:
    chosen: list[UUID] = []
    total = 0
    for evidence_id, size in found:
        total += size
        if chosen and total > MOST_BYTES:
            break
        chosen.append(evidence_id)
    return chosen


_OF_ITEMS = items.join(platforms, platforms.c.id == items.c.platform_id).join(
    evidence, evidence.c.id == items.c.evidence_id
)
_REPORT = (
    evidence.c.webhook_id,
    evidence.c.webhook_timestamp,
    evidence.c.webhook_signature,
    evidence.c.public_key,
    evidence.c.body,
    evidence.c.body_sha256,
    evidence.c.received_at,
)
_COLUMNS = (
    platforms.c.slug,
    func.coalesce(items.c.follows, items.c.order_id),
    *_REPORT,
)
_ONE = select(platforms.c.slug, *_REPORT).join_from(
    evidence, platforms, platforms.c.id == evidence.c.platform_id
)
