"""Others sign seals too: a broker that rewrote its history would need them all."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.audit.seals import Seal, signature_holds
from unbind_broker.audit.tables import audit_cosignatures
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.signing_keys import PublicKey


class CosignatureInvalid(BrokerError):
    """A signature is not one of the seal's statement by the key that came with it."""

    code = "cosignature-invalid"
    title = "The signature does not verify"


@dataclass(frozen=True)
class Cosignature:
    """A signature of a seal's statement by somebody else's key (``whpk_…``)."""

    public_key: str
    signature: bytes
    signed_by: str
    received_at: datetime


async def cosign(
    db: Db, now: datetime, seal: Seal, key: PublicKey, signature: bytes, actor: str
) -> tuple[Cosignature, bool]:
    """Keep a signature that verifies; tell what is kept, and whether it is new.

    One signature per key is kept: Ed25519 makes the same one again. Raises
    ``CosignatureInvalid``.
    """
    if not signature_holds(key.raw, signature, seal.statement):
        raise CosignatureInvalid(
            "expected the Ed25519 signature of the seal's statement, its UTF-8 bytes, "
            "by this key"
        )
    values = {
        "seal_number": seal.number,
        "public_key": key.text,
        "signed_by": actor,
        "signature": signature,
        "received_at": now,
    }
    kept = await db.execute(
        insert(audit_cosignatures).values(values).on_conflict_do_nothing()
    )
    if kept.rowcount:
        facts = {"seal": seal.number, "public_key": key.text}
        await record(db, now, Fact(actor, "audit.cosigned", facts=facts))
        return Cosignature(key.text, signature, actor, now), True
    [standing] = await _load(db, seal.number, exactly=key.text)
    return standing, False


async def list_cosignatures(
    db: Db, number: int, after: str | None, limit: int
) -> list[Cosignature]:
    """Read up to ``limit`` signatures of a seal, in the order of their keys."""
    return await _load(db, number, after=after or "", limit=limit)


async def _load(
    db: Db,
    number: int,
    *,
    exactly: str | None = None,
    after: str = "",
    limit: int = 1,
) -> list[Cosignature]:
    kept = audit_cosignatures.c
    query = select(audit_cosignatures).where(
        kept.seal_number == number, kept.public_key > after
    )
    if exactly is not None:
        query = query.where(kept.public_key == exactly)
    rows = await db.execute(query.order_by(kept.public_key).limit(limit))
    return [
        Cosignature(row.public_key, row.signature, row.signed_by, row.received_at)
        for row in rows
    ]
