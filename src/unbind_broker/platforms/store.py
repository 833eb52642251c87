"""Rows of platforms."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.base.database import Db
from unbind_broker.platforms.tables import PlatformStatus, World, platforms


async def insert_new(db: Db, rows: Sequence[dict[str, object]]) -> list[RowMapping]:
    """Insert platforms and return them; those whose slug is taken are left out."""
    statement = insert(platforms).on_conflict_do_nothing().returning(*platforms.c)
    inserted = await db.execute(statement, rows)
    return list(inserted.mappings().all())


async def load(db: Db, slug: str, *, lock: bool = False) -> RowMapping | None:
    """Read one platform; ``lock`` keeps others from changing it meanwhile."""
    statement = select(platforms).where(platforms.c.slug == slug)
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await db.execute(statement)).mappings().one_or_none()


async def load_page(
    db: Db, after: str | None, limit: int, *, real: bool
) -> list[RowMapping]:
    """Read up to ``limit`` platforms whose slugs come behind ``after``.

    With ``real`` those of rehearsals are left out.
    """
    statement = select(platforms).order_by(platforms.c.slug).limit(limit)
    if real:
        statement = statement.where(platforms.c.world == World.REAL)
    if after is not None:
        statement = statement.where(platforms.c.slug > after)
    return list((await db.execute(statement)).mappings().all())


async def write(db: Db, slug: str, now: datetime, **values: object) -> RowMapping:
    """Change columns of a platform."""
    statement = update(platforms).where(platforms.c.slug == slug)
    values = {**values, "changed_at": now}
    changed = await db.execute(statement.values(**values).returning(*platforms.c))
    return changed.mappings().one()


async def write_status(
    db: Db, slug: str, now: datetime, status: PlatformStatus
) -> RowMapping | None:
    """Change the status; None if it is so already, or there is no such platform."""
    statement = (
        update(platforms)
        .where(platforms.c.slug == slug, platforms.c.status != status)
        .values(status=status, changed_at=now)
        .returning(*platforms.c)
    )
    return (await db.execute(statement)).mappings().one_or_none()
