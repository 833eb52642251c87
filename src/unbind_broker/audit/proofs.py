"""Prove that an event was sealed, to whoever has the broker's public key."""

from dataclasses import dataclass
from uuid import UUID

from unbind_broker.audit import store
from unbind_broker.audit.hashing import (
    Event,
    audit_path,
    canonical_event,
    leaf_hash,
    path_leads_to,
)
from unbind_broker.audit.seals import Position, Seal, unpack_leaves
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError


class EventNotSealed(BrokerError):
    """The event is newer than the last seal."""

    code = "event-not-sealed"
    title = "This event is not sealed yet"


class EventNotAsSealed(BrokerError):
    """The event is not what its seal holds, or the seal holds another."""

    code = "event-not-as-sealed"
    title = "This event is not as it was sealed"


@dataclass(frozen=True)
class Proof:
    """An event with the way from its leaf to the signed root."""

    event: Event
    content: bytes
    leaf: bytes
    index: int
    path: list[bytes]
    seal: Seal


async def prove(db: Db, event_id: UUID) -> Proof | None:
    """Make the proof of an event; None if there is no such event.

    Raises ``EventNotSealed`` and ``EventNotAsSealed``.
    """
    event = await store.load_event(db, event_id)
    if event is None:
        return None
    seal = await store.find_seal_of(db, Position(event.xid, event.id))
    if seal is None:
        raise EventNotSealed("it is newer than the last seal; try again in a moment")
    leaves = unpack_leaves(await store.load_leaves(db, seal.number))
    content = canonical_event(event)
    leaf, hashes = leaf_hash(content), [one.hash for one in leaves]
    for index, one in enumerate(leaves):
        if one.id == event.id:
            proof = Proof(event, content, leaf, index, audit_path(index, hashes), seal)
            if _holds(proof):
                return proof
    raise EventNotAsSealed(f"seal {seal.number} does not hold this event as it stands")


def _holds(proof: Proof) -> bool:
    seal = proof.seal
    return path_leads_to(seal.root, proof.leaf, proof.index, seal.events, proof.path)
