"""Rows of carriers."""

from datetime import datetime

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.base.database import Db
from unbind_broker.carriers.tables import CarrierStatus, carriers


async def insert_new(db: Db, **values: object) -> RowMapping | None:
    """Insert a carrier; None if its slug is taken."""
    statement = insert(carriers).values(**values).on_conflict_do_nothing()
    return (await db.execute(statement.returning(*carriers.c))).mappings().one_or_none()


async def load(db: Db, slug: str, *, lock: bool = False) -> RowMapping | None:
    """Read one carrier; ``lock`` keeps others from changing it meanwhile."""
    statement = select(carriers).where(carriers.c.slug == slug)
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await db.execute(statement)).mappings().one_or_none()


async def load_page(db: Db, after: str | None, limit: int) -> list[RowMapping]:
    """Read up to ``limit`` carriers whose slugs come behind ``after``; no twins."""
    real = select(carriers).where(carriers.c.sandbox_of.is_(None))
    statement = real.order_by(carriers.c.slug).limit(limit)
    if after is not None:
        statement = statement.where(carriers.c.slug > after)
    return list((await db.execute(statement)).mappings().all())


async def write(db: Db, slug: str, now: datetime, **values: object) -> RowMapping:
    """Change columns of a carrier."""
    statement = update(carriers).where(carriers.c.slug == slug)
    values = {**values, "changed_at": now}
    changed = await db.execute(statement.values(**values).returning(*carriers.c))
    return changed.mappings().one()


async def write_status(
    db: Db, slug: str, now: datetime, status: CarrierStatus
) -> RowMapping | None:
    """Change the status; None if it is so already, or there is no such carrier.

    A twin's is never changed but with its carrier's.
    """
    statement = (
        update(carriers)
        .where(carriers.c.slug == slug, carriers.c.sandbox_of.is_(None))
        .where(carriers.c.status != status)
        .values(status=status, changed_at=now)
        .returning(*carriers.c)
    )
    return (await db.execute(statement)).mappings().one_or_none()
