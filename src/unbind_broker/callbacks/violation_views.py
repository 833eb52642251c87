"""Violations as administrators read them (a read model)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select

from unbind_broker.base.database import Db
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers.tables import carriers
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A removal outside ``[bound_from, bound_before)``, and how undoing it goes.

    Either of an order, or of the number at a ``place`` of a clearance. ``restore_id``
    is missing where the platform could not be asked.
    """

    id: UUID
    order_id: UUID | None
    clearance_id: UUID | None
    place: int | None
    carrier: str
    platform: str
    outcome: ItemStatus
    removed: int | None
    last_bound_at: datetime
    bound_from: datetime | None
    bound_before: datetime | None
    raised_at: datetime
    restore_id: UUID | None
    restore_status: ItemStatus | None


@dataclass(frozen=True)
class WantedViolations:
    """Which violations to list, by slugs; None takes all."""

    carrier: str | None = None
    platform: str | None = None


async def list_violations(
    db: Db, wanted: WantedViolations, before: UUID | None, limit: int
) -> list[Violation]:
    """Read up to ``limit`` violations older than ``before``, newest first."""
    page = _VIOLATIONS.order_by(violations.c.id.desc()).limit(limit)
    if before is not None:
        page = page.where(violations.c.id < before)
    if wanted.carrier is not None:
        of_carrier = select(carriers.c.id).where(carriers.c.slug == wanted.carrier)
        page = page.where(violations.c.carrier_id == of_carrier.scalar_subquery())
    if wanted.platform is not None:
        of_platform = select(platforms.c.id).where(platforms.c.slug == wanted.platform)
        page = page.where(violations.c.platform_id == of_platform.scalar_subquery())
    return [Violation(**row) for row in (await db.execute(page)).mappings()]


_restore = items.alias()
_VIOLATIONS = select(
    violations.c.id,
    violations.c.order_id,
    violations.c.clearance_id,
    violations.c.place,
    carriers.c.slug.label("carrier"),
    platforms.c.slug.label("platform"),
    violations.c.outcome,
    violations.c.removed,
    violations.c.last_bound_at,
    orders.c.bound_from,
    func.coalesce(orders.c.bound_before, violations.c.bound_before).label(
        "bound_before"
    ),
    violations.c.raised_at,
    violations.c.restore_id,
    _restore.c.status.label("restore_status"),
).select_from(
    violations.join(carriers, carriers.c.id == violations.c.carrier_id)
    .join(platforms, platforms.c.id == violations.c.platform_id)
    .outerjoin(orders, orders.c.id == violations.c.order_id)
    .outerjoin(
        _restore,
        and_(
            _restore.c.order_id == violations.c.restore_id,
            _restore.c.platform_id == violations.c.platform_id,
        ),
    )
)
