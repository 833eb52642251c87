"""Receipts as they were signed, version by version. A version never changes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select

from unbind_broker.base.database import BIG, Db, lock_key, sql
from unbind_broker.orders.tables import receipts


@dataclass(frozen=True)
class StoredReceipt:
    """One version; ``content_sha256`` tells whether anything has changed since."""

    order_id: UUID
    version: int
    issued_at: datetime
    content_sha256: bytes
    jws: str


async def lock_receipt(db: Db, order_id: UUID) -> None:
    """Wait until nobody else issues a receipt of this order."""
    await db.execute(_LOCK, {"key": lock_key(f"receipt/{order_id}")})


async def latest(db: Db, order_id: UUID) -> StoredReceipt | None:
    """Read the newest version, if any was issued."""
    newest = _ONE.where(receipts.c.order_id == order_id)
    found = await db.execute(newest.order_by(receipts.c.version.desc()).limit(1))
    row = found.one_or_none()
    return None if row is None else StoredReceipt(*row)


async def find(db: Db, order_id: UUID, version: int) -> StoredReceipt | None:
    """Read one version."""
    found = await db.execute(
        _ONE.where(receipts.c.order_id == order_id, receipts.c.version == version)
    )
    row = found.one_or_none()
    return None if row is None else StoredReceipt(*row)


async def add(db: Db, receipt: StoredReceipt) -> None:
    """Keep a new version."""
    await db.execute(insert(receipts), [vars(receipt)])


_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
_ONE = select(
    receipts.c.order_id,
    receipts.c.version,
    receipts.c.issued_at,
    receipts.c.content_sha256,
    receipts.c.jws,
)
