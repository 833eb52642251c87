"""The brake: it stops the unbinding of one carrier, or of all, until it is released."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import BIG, Db, lock_key, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.tables import brakes, carriers


@dataclass(frozen=True)
class Brake:
    """A brake that is engaged; no carrier means all of them."""

    carrier_id: CarrierId | None
    carrier: str | None
    reason: str
    engaged_at: datetime
    engaged_by: str


@dataclass(frozen=True)
class Stopped:
    """Whose unbinding is stopped."""

    everybody: bool
    carriers: Collection[CarrierId]

    def holds(self, carrier_id: CarrierId) -> bool:
        """Tell whether this carrier's unbinding is stopped."""
        return self.everybody or carrier_id in self.carriers


async def engage(
    db: Db, now: datetime, carrier_id: CarrierId | None, reason: str, actor: str
) -> bool:
    """Stop a carrier's unbinding, or everybody's; False if it is stopped already."""
    await lock(db, carrier_id)
    engaging = insert(brakes).values(
        carrier_id=carrier_id, reason=reason, engaged_at=now, engaged_by=actor
    )
    engaged = await db.execute(engaging.on_conflict_do_nothing().returning(brakes.c.id))
    if engaged.scalar_one_or_none() is None:
        return False
    await _record(db, now, actor, "brake.engaged", carrier_id, reason)
    return True


async def release(
    db: Db, now: datetime, carrier_id: CarrierId | None, reason: str, actor: str
) -> bool:
    """Let unbinding go on, counting results anew; False if it was not stopped."""
    await lock(db, carrier_id)
    releasing = (
        update(brakes)
        .where(_is(carrier_id), brakes.c.released_at.is_(None))
        .values(released_at=now, released_by=actor)
        .returning(brakes.c.id)
    )
    if (await db.execute(releasing)).scalar_one_or_none() is None:
        return False
    await _record(db, now, actor, "brake.released", carrier_id, reason)
    return True


async def lock(db: Db, carrier_id: CarrierId | None) -> None:
    """Wait until no other transaction decides about this brake."""
    await db.execute(_LOCK, {"key": lock_key(f"brake/{carrier_id or 'all'}")})


async def engaged(db: Db) -> list[Brake]:
    """Read the brakes that are engaged: the one on all first, then by carrier."""
    rows = await db.execute(
        select(
            brakes.c.carrier_id,
            carriers.c.slug.label("carrier"),
            brakes.c.reason,
            brakes.c.engaged_at,
            brakes.c.engaged_by,
        )
        .select_from(brakes.outerjoin(carriers, carriers.c.id == brakes.c.carrier_id))
        .where(brakes.c.released_at.is_(None))
        .order_by(carriers.c.slug.nulls_first())
    )
    return [Brake(**row) for row in rows.mappings()]


async def stopped(db: Db) -> Stopped:
    """Read whose unbinding is stopped."""
    rows = await db.execute(
        select(brakes.c.carrier_id).where(brakes.c.released_at.is_(None))
    )
    found = set(rows.scalars())
    return Stopped(None in found, frozenset(found - {None}))


async def last_release(db: Db, carrier_id: CarrierId) -> datetime | None:
    """Tell when this carrier's own brake was released last."""
    found = await db.execute(
        select(func.max(brakes.c.released_at)).where(_is(carrier_id))
    )
    at: datetime | None = found.scalar_one()
    return at


async def slug_of(db: Db, carrier_id: CarrierId) -> str:
    """Name a carrier."""
    found = await db.execute(select(carriers.c.slug).where(carriers.c.id == carrier_id))
    slug: str = found.scalar_one()
    return slug


def _is(carrier_id: CarrierId | None) -> ColumnElement[bool]:
    return brakes.c.carrier_id.is_not_distinct_from(carrier_id)


async def _record(
    db: Db,
    now: datetime,
    actor: str,
    action: str,
    carrier_id: CarrierId | None,
    reason: str,
) -> None:
    carrier = None if carrier_id is None else await slug_of(db, carrier_id)
    facts = {"carrier": carrier, "reason": reason}
    await record(db, now, Fact(actor, action, facts=facts))


ANY_ENGAGED = "SELECT FROM brakes WHERE released_at IS NULL"
"""Asks whether any brake is engaged."""

_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
