# ruff: noqa: S608 - only a list of columns is put into a statement
"""Compare the signatures of others with the seals and with what the trail tells."""

from collections.abc import AsyncIterator

from unbind_broker.audit import store
from unbind_broker.audit.faults import Fault, FaultKind
from unbind_broker.audit.seals import signature_holds
from unbind_broker.base.database import BIG, TEXT, Db, fetch_all, sql
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.signing_keys import PublicKey

_PAGE = 500


async def cosignature_faults(db: Db) -> AsyncIterator[Fault]:
    """Name cosignatures that do not hold, that nobody left, and that are gone."""
    told = {
        (row.seal, row.public_key, row.actor): row.id
        for row in await fetch_all(db, _TOLD, {})
    }
    after: dict[str, object] = {"number": -1, "key": ""}
    while rows := await fetch_all(db, _KEPT, {**after, "most": _PAGE}):
        for row in rows:
            seal, key = store.seal_of(row), row.public_key
            left = told.pop((str(seal.number), key, row.signed_by), None)
            if not _holds(key, row.cosignature, seal.statement):
                why = f"the signature by {key} does not hold"
            elif left is None:
                why = f"the trail does not tell that {row.signed_by} signed by {key}"
            else:
                continue
            yield Fault(FaultKind.COSIGNATURE_ALTERED, seal.number, why)
        after = {"number": rows[-1].number, "key": rows[-1].public_key}
    for (number, key, actor), event_id in told.items():
        known = int(number) if number and number.isdecimal() else 0
        detail = f"{actor} signed it by {key}, and that is gone"
        yield Fault(FaultKind.COSIGNATURE_MISSING, known, detail, event_id)


def _holds(key: str, signature: bytes, statement: bytes) -> bool:
    try:
        return signature_holds(PublicKey.parse(key).raw, signature, statement)
    except BrokerError:
        return False


_TOLD = sql(
    """
    SELECT id, actor, facts ->> 'seal' AS seal, facts ->> 'public_key' AS public_key
    FROM audit_events WHERE action = 'audit.cosigned' ORDER BY id"""
)
_KEPT = sql(
    f"""
    SELECT {store.SEAL_COLUMNS}, c.public_key, c.signed_by, c.signature AS cosignature
    FROM audit_cosignatures c
    JOIN audit_seals s ON s.number = c.seal_number
    WHERE (c.seal_number, c.public_key) > (:number, :key)
    ORDER BY c.seal_number, c.public_key
    LIMIT :most""",
    number=BIG,
    key=TEXT,
    most=BIG,
)
