"""Seal the trail: whoever changes, drops or adds an event later is found out.

Events are sealed in the order of their transactions and ids, and only below the oldest
transaction that still runs: none that commits late slips behind a seal.

Transaction ids must go on counting. A cluster that a dump was restored into counts from
the start again: what is recorded there falls into ranges that are sealed already, where
``audit verify`` reports it as added, and sealing stops with ``SealsAhead`` until the
count is moved beyond the last seal, as ``schema.transaction_count`` does.
``pg_upgrade`` and physical backups keep the count.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert

from unbind_broker.audit import signing_keys, store
from unbind_broker.audit.hashing import (
    Event,
    canonical_event,
    leaf_hash,
    tree_root,
    write_instant,
)
from unbind_broker.audit.seals import (
    NO_PREVIOUS,
    START,
    Leaf,
    Position,
    Seal,
    pack_leaves,
)
from unbind_broker.audit.tables import audit_seals
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.database import BIG, Db, lock_key, sql
from unbind_broker.base.errors import BrokerError

MOST_EVENTS = 10_000
ANY_UNSEALED = store.ANY_UNSEALED
"""Asks whether ``seal`` might find anything."""

_LOCK = lock_key("audit-sealing")
_TRY = sql("SELECT pg_try_advisory_xact_lock(:key)", key=BIG)
_OLDEST = sql("SELECT (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint")


class SealsAhead(BrokerError):
    """The cluster counts transactions that seals say are over."""

    code = "seals-ahead"
    title = "The last seal is ahead of the database"


async def seal(
    db: Db, now: datetime, key: BrokerKey, most: int = MOST_EVENTS
) -> Seal | None:
    """Seal up to ``most`` events behind the last seal; None if there is nothing to do.

    Also None while another one seals. Raises ``SealsAhead``.
    """
    if not (await db.execute(_TRY, {"key": _LOCK})).scalar_one():
        return None
    last = await store.load_last_seal(db)
    events = await store.load_sealable(db, last.last if last else START, most)
    if not events:
        await _require_order(db, last)
        return None
    leaves = await asyncio.to_thread(hash_events, events)
    made = _sign(events, leaves, last, now, key)
    await signing_keys.keep_public(db, now, key)
    await _write(db, made, now, pack_leaves(leaves))
    return made


def hash_events(events: Sequence[Event]) -> list[Leaf]:
    """Hash events as leaves."""
    return [Leaf(event.id, leaf_hash(canonical_event(event))) for event in events]


def _sign(
    events: Sequence[Event],
    leaves: Sequence[Leaf],
    last: Seal | None,
    now: datetime,
    key: BrokerKey,
) -> Seal:
    unsigned = Seal(
        number=last.number + 1 if last else 1,
        last=Position(events[-1].xid, events[-1].id),
        events=len(events),
        root=tree_root(leaf.hash for leaf in leaves),
        previous=last.digest if last else NO_PREVIOUS,
        sealed_at=write_instant(now.isoformat()),
        key_id=key.key_id,
        signature=b"",
    )
    return replace(unsigned, signature=key.sign(unsigned.statement))


async def _write(db: Db, made: Seal, now: datetime, leaves: bytes) -> None:
    await db.execute(
        insert(audit_seals).values(
            number=made.number,
            last_xid=made.last.xid,
            last_id=made.last.id,
            events=made.events,
            root=made.root,
            previous=made.previous,
            sealed_at=now,
            key_id=made.key_id,
            signature=made.signature,
            leaves=leaves,
        )
    )


async def _require_order(db: Db, last: Seal | None) -> None:
    oldest: int = (await db.execute(_OLDEST)).scalar_one()
    if last is not None and oldest <= last.last.xid:
        raise SealsAhead(
            f"seal {last.number} ends at transaction {last.last.xid}, but the database "
            f"has come to {oldest} only: it was restored into a new cluster; run: "
            "unbind-broker migrate"
        )
