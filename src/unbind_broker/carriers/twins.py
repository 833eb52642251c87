"""Twins: a carrier's sandbox keys speak for a row of its own, so nothing mixes.

Whatever belongs to a carrier belongs to its id: orders, holdings, events, brakes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.carriers.tables import SANDBOX_SUFFIX, carriers

_MIRRORED = ("name_zh", "name_en", "status", "jwks", "attestation_required")
_IN_CHINESE, _IN_ENGLISH = "（演练）", " (sandbox)"


async def find_or_make_twin(
    db: Db, now: datetime, carrier_id: CarrierId, actor: str
) -> CarrierId:
    """Give the carrier's twin; the first time, make it.

    The carrier's row stays locked, so that nobody changes it without its twin.
    """
    locked = select(carriers).where(carriers.c.id == carrier_id)
    found = await db.execute(locked.with_for_update(key_share=True))
    carrier = found.mappings().one()
    making = (
        insert(carriers)
        .values(
            slug=carrier["slug"] + SANDBOX_SUFFIX,
            sandbox_of=carrier_id,
            created_at=now,
            changed_at=now,
            **_mirrored(carrier),
        )
        .on_conflict_do_nothing()
        .returning(carriers.c.id)
    )
    made = (await db.execute(making)).scalar_one_or_none()
    if made is not None:
        facts = {"carrier": carrier["slug"]}
        await record(db, now, Fact(actor, "carrier.sandbox_opened", facts=facts))
        return CarrierId(made)
    there = select(carriers.c.id).where(carriers.c.sandbox_of == carrier_id)
    return CarrierId((await db.execute(there)).scalar_one())


async def mirror(db: Db, now: datetime, carrier: RowMapping) -> None:
    """Let the twin, if there is one, have what its carrier has now.

    The caller holds the carrier's row.
    """
    await db.execute(
        update(carriers)
        .where(carriers.c.sandbox_of == carrier["id"])
        .values(changed_at=now, **_mirrored(carrier))
    )


async def index_of(db: Db, carrier_id: CarrierId, index: BlindIndex) -> BlindIndex:
    """Give the index by which this carrier's numbers are filed, where it is not known.

    Twins file theirs apart.
    """
    return index.rehearsed_by(carrier_id) if await is_twin(db, carrier_id) else index


async def is_twin(db: Db, carrier_id: CarrierId) -> bool:
    """Tell whether what a carrier asks is rehearsed."""
    row = select(carriers.c.sandbox_of.is_not(None)).where(carriers.c.id == carrier_id)
    found: bool = (await db.execute(row)).scalar_one()
    return found


async def list_twins(db: Db) -> list[CarrierId]:
    """Find every twin."""
    found = select(carriers.c.id).where(carriers.c.sandbox_of.is_not(None))
    return [CarrierId(one) for one in (await db.execute(found)).scalars()]


def _mirrored(carrier: RowMapping) -> dict[str, Any]:
    """Name a twin as its carrier, with a mark: receipts show it."""
    values = {name: carrier[name] for name in _MIRRORED}
    values["name_zh"] += _IN_CHINESE
    values["name_en"] += _IN_ENGLISH
    return values
