"""Seal endpoints' secrets anew with the first key, so that old keys can go."""

from collections import Counter

from sqlalchemy import or_, select, update

from unbind_broker.base.database import Db
from unbind_broker.base.sealing import SealBroken, key_id_of
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.tables import endpoints

_KEPT = ("secret_sealed", "previous_secret_sealed")


async def reseal_secrets(db: Db, secrets: EndpointSecrets) -> int:
    """Seal anew what another key sealed, and count the endpoints.

    What no key opens is left as it is: a new secret replaces it in time.
    """
    columns = [endpoints.c[name] for name in _KEPT]
    rows = await db.execute(
        select(endpoints.c.id, *columns)
        .where(or_(*(column.is_not(None) for column in columns)))
        .order_by(endpoints.c.id)
        .with_for_update()
    )
    changed = 0
    for row in rows.mappings().all():
        new = {
            name: again
            for name in _KEPT
            if (again := _sealed_anew(row[name], secrets)) is not None
        }
        if new:
            statement = update(endpoints).where(endpoints.c.id == row["id"])
            await db.execute(statement.values(**new))
            changed += 1
    return changed


def _sealed_anew(sealed: bytes | None, secrets: EndpointSecrets) -> bytes | None:
    if sealed is None or secrets.is_current(sealed):
        return None
    try:
        return secrets.seal(secrets.open(sealed))
    except SealBroken:
        return None


async def count_by_key(db: Db) -> dict[str, int]:
    """Count the secrets that each key has sealed, by the key's id in hex."""
    columns = [endpoints.c[name] for name in _KEPT]
    rows = await db.execute(select(*columns))
    sealed = [one for row in rows for one in row if one is not None]
    return dict(Counter(key_id_of(one) for one in sealed))
