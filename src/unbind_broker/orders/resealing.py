"""Seal numbers and attestations anew with the first key, so that old keys can go."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from unbind_broker.base.database import BYTES, BYTESES, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.orders.sealed_numbers import (
    open_attestation,
    open_number,
    seal_attestation,
    seal_number,
)


@dataclass(frozen=True)
class ResealPosition:
    """How far a walk over all orders has come."""

    order_id: UUID = field(default=UUID(int=0))


@dataclass(frozen=True)
class Resealed:
    """One step: how many were sealed anew, how many cannot be opened by any key."""

    orders: int
    unreadable: int
    position: ResealPosition | None


async def reseal_orders(
    db: Db, sealer: Sealer, position: ResealPosition | None, limit: int
) -> Resealed:
    """Look at the next ``limit`` orders; position None: the walk begins, or is over."""
    behind = (position or ResealPosition()).order_id
    values = {"behind": behind, "header": sealer.header, "limit": limit}
    rows = await fetch_all(db, _LOOK, values)
    found = [row for row in rows if row.is_old]
    sealed = {row.id: new for row in found if (new := _sealed_anew(row, sealer))}
    if sealed:
        old = {row.id: row for row in found}
        await db.execute(
            _WRITE,
            {
                "orders": list(sealed),
                "old": [old[order].number_sealed for order in sealed],
                "numbers": [number for number, _ in sealed.values()],
                "attestations": [attestation for _, attestation in sealed.values()],
            },
        )
    following = ResealPosition(rows[-1].id) if len(rows) >= limit else None
    return Resealed(len(sealed), len(found) - len(sealed), following)


async def count_by_key(db: Db) -> dict[str, int]:
    """Count the orders whose number each key has sealed, by the key's id in hex."""
    return {row.key: row.orders for row in await fetch_all(db, _COUNT, {})}


def _sealed_anew(row: Any, sealer: Sealer) -> tuple[bytes, bytes | None] | None:
    try:
        number = seal_number(sealer, open_number(sealer, row.number_sealed))
        if row.attestation_sealed is None:
            return number, None
        token = open_attestation(sealer, row.attestation_sealed)
        return number, seal_attestation(sealer, token)
    except SealBroken:
        return None


_LOOK = sql(
    """
    SELECT o.id, o.number_sealed IS NOT NULL AND is_old AS is_old,
        CASE WHEN is_old THEN number_sealed END AS number_sealed,
        CASE WHEN is_old THEN attestation_sealed END AS attestation_sealed
    FROM orders o
    CROSS JOIN LATERAL (
        SELECT substring(o.number_sealed FROM 1 FOR length(:header)) <> :header
            AS is_old
    ) h
    WHERE o.id > :behind
    ORDER BY o.id
    LIMIT :limit""",
    behind=UUID_TYPE,
    header=BYTES,
    limit=INT,
)
# A number that was destroyed or resealed meanwhile is left as it is.
_WRITE = sql(
    """
    WITH locked AS (
        SELECT o.id, n.number, n.attestation
        FROM unnest(:orders, :old, :numbers, :attestations)
            AS n (id, old, number, attestation)
        JOIN orders o ON o.id = n.id AND o.number_sealed = n.old
        WHERE o.id = ANY(:orders)
        ORDER BY o.id
        FOR NO KEY UPDATE OF o
    )
    UPDATE orders o
    SET number_sealed = l.number, attestation_sealed = l.attestation
    FROM locked l
    WHERE o.id = l.id AND o.id = ANY(:orders)""",
    orders=UUIDS,
    old=BYTESES,
    numbers=BYTESES,
    attestations=BYTESES,
)
_COUNT = sql(
    """
    SELECT encode(substring(number_sealed FROM 2 FOR 4), 'hex') AS key,
        count(*) AS orders
    FROM orders
    WHERE number_sealed IS NOT NULL
    GROUP BY 1"""
)
