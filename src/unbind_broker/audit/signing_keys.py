"""The broker's own public keys, kept for as long as anything that they signed.

Whoever checks a receipt or a seal needs the key of its day, also after the broker has
taken another one. Keep a copy elsewhere: a stranger in the database could add a key.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.audit.tables import signing_keys
from unbind_broker.base.broker_key import BrokerKey, key_id_of
from unbind_broker.base.database import Db


async def keep_public(db: Db, now: datetime, key: BrokerKey) -> None:
    """Keep the public half of a key, at the first statement that it signs."""
    values = {"key_id": key.key_id, "public_key": key.public, "first_used_at": now}
    await db.execute(insert(signing_keys).values(values).on_conflict_do_nothing())


async def public_keys(db: Db) -> dict[str, bytes]:
    """Read every key that ever signed, by its id, the oldest first.

    A row whose id is not its key's thumbprint is nobody's key, and left out.
    """
    rows = await db.execute(
        select(signing_keys.c.key_id, signing_keys.c.public_key).order_by(
            signing_keys.c.first_used_at, signing_keys.c.key_id
        )
    )
    return {key_id: raw for key_id, raw in rows if key_id_of(raw) == key_id}
