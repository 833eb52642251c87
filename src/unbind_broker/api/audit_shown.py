"""What auditors are shown of the trail, and what they send."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field, StringConstraints

from unbind_broker.api.fields import AnswerModel, Instant, RequestModel, ShownInstant
from unbind_broker.api.order_bodies import Number
from unbind_broker.audit.cosigning import Cosignature
from unbind_broker.audit.hashing import event_members
from unbind_broker.audit.kept_seals import show_seal
from unbind_broker.audit.proofs import Proof
from unbind_broker.audit.reading import ReadEvent, Wanted
from unbind_broker.audit.seals import Seal
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

_HEX = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
_ORDER = "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"
_EVENT = "evt_01kb2x5c7zf3v8h1m4n6p9q2rs"
_UUID = "019ad658-b0ff-78ec-88d0-a4d56e9b8b39"

OrderIdText = Annotated[str, StringConstraints(max_length=40)]
Actor = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[a-z][a-z-]*(:[A-Za-z0-9._-]+)?$")
]
ActionName = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)?$")
]

_ORDER_FIELD = "Only events of this query or order."
_ACTOR_FIELD = "Only what this one did: `carrier:slug`, `admin:12`, `broker` …"
_ACTION_FIELD = "Only this action."
_AFTER_FIELD = "Only events later than this."
_BEFORE_FIELD = "Only events earlier than this."


class SearchByNumber(RequestModel):
    """Whose events to find; the other fields narrow them as in the list."""

    number: Number
    order: OrderIdText | None = Field(
        default=None, examples=[_ORDER], description=_ORDER_FIELD
    )
    actor: Actor | None = Field(
        default=None, examples=["carrier:china-mobile"], description=_ACTOR_FIELD
    )
    action: ActionName | None = Field(
        default=None, examples=["order.accepted"], description=_ACTION_FIELD
    )
    after: Instant | None = Field(default=None, description=_AFTER_FIELD)
    before: Instant | None = Field(default=None, description=_BEFORE_FIELD)

    def wanted(self, number_index: bytes) -> Wanted:
        """Give the filter; raises ``InvalidFields``."""
        return Wanted(
            order_id=_order_id(self.order, "/order"),
            number_index=number_index,
            actor=self.actor,
            action=self.action,
            after=self.after,
            before=self.before,
        )


def _filter(
    order: Annotated[
        OrderIdText | None, Query(description=_ORDER_FIELD, examples=[_ORDER])
    ] = None,
    actor: Annotated[
        Actor | None,
        Query(description=_ACTOR_FIELD, examples=["carrier:china-mobile"]),
    ] = None,
    action: Annotated[
        ActionName | None, Query(description=_ACTION_FIELD, examples=["order.accepted"])
    ] = None,
    after: Annotated[Instant | None, Query(description=_AFTER_FIELD)] = None,
    before: Annotated[Instant | None, Query(description=_BEFORE_FIELD)] = None,
) -> Wanted:
    return Wanted(
        order_id=_order_id(order, "/query/order"),
        actor=actor,
        action=action,
        after=after,
        before=before,
    )


EventFilter = Annotated[Wanted, Depends(_filter)]


class EventShown(AnswerModel):
    """One thing that happened. Numbers stand nowhere: `subject` names them blindly."""

    id: str = Field(examples=[_EVENT])
    at: str = Field(
        examples=["2026-11-21T08:00:00.123456Z"],
        description="RFC 3339 with microseconds, as it is sealed.",
    )
    actor: str = Field(examples=["carrier:china-mobile"])
    action: str = Field(examples=["order.accepted"])
    order: str | None = Field(examples=[_ORDER])
    subject: str | None = Field(
        examples=[_HEX],
        description="Equal for events about one number; it says nothing about which.",
    )
    facts: Any = Field(examples=[{"kind": "unbind", "items": 3}])
    seal: int | None = Field(
        examples=[17],
        description="The seal in whose range the event stands; null: not sealed yet.",
    )


class SealShown(AnswerModel):
    """The broker's signed statement of what the trail held at an instant.

    `statement` is the text that is signed, as UTF-8; the other members repeat it.
    `previous` is the SHA-256 of the statement before this one, `root` the root of the
    Merkle tree (RFC 6962) over the events from behind the seal before this one up to
    (`last_xid`, `last_id`).
    """

    type: str = Field(examples=["unbind-broker/audit-seal/1"])
    number: int = Field(examples=[17])
    events: int = Field(examples=[420])
    last_xid: int = Field(examples=[98765])
    last_id: str = Field(examples=[_UUID])
    root: str = Field(examples=[_HEX])
    previous: str = Field(examples=[_HEX])
    sealed_at: str = Field(examples=["2026-11-21T08:00:01.000000Z"])
    key_id: str = Field(examples=["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"])
    statement: str = Field(examples=['{"events":420,"key_id":"kPrK…","last_id":"…"}'])
    signature: str = Field(
        examples=["hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw…"],
        description="Ed25519 (RFC 8032) over `statement`, in base64.",
    )
    public_key: str | None = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="The key of `key_id`; null if nobody knows it any more.",
    )


class ProofShown(AnswerModel):
    """Everything to check offline that an event was sealed.

    `leaf_hash` is SHA-256 of a zero byte and `canonical` as UTF-8; `path` leads from
    leaf `index` of `tree_size` to `seal.root` (RFC 9162 §2.1.3.2).
    """

    id: str = Field(examples=[_EVENT])
    canonical: str = Field(
        examples=['{"action":"order.accepted","actor":"carrier:china-mobile",…}'],
        description="The event as it is hashed: JSON with sorted members.",
    )
    leaf_hash: str = Field(examples=[_HEX])
    index: int = Field(examples=[5])
    tree_size: int = Field(examples=[420])
    path: list[str] = Field(examples=[[_HEX]])
    seal: SealShown


class CosignatureBody(RequestModel):
    """A signature of a seal's statement."""

    public_key: Annotated[str, StringConstraints(max_length=100)] = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="Your Ed25519 key.",
    )
    signature: Annotated[str, StringConstraints(max_length=100)] = Field(
        examples=["hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw…"],
        description="Ed25519 over the seal's `statement` as UTF-8, in base64.",
    )


class CosignatureShown(AnswerModel):
    """A signature that was verified when it came."""

    public_key: str = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="]
    )
    signature: str = Field(examples=["hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw…"])
    signed_by: str = Field(examples=["auditor:7"])
    received_at: ShownInstant


def show_event(read: ReadEvent, kinds: Mapping[UUID, OrderKind]) -> EventShown:
    """Show an event; ``kinds`` are those of the orders that are still there."""
    event = read.event
    members = event_members(event)
    order = None
    if event.order_id is not None:
        kind = kinds.get(event.order_id, OrderKind.UNBIND)
        order = show_order_id(kind, event.order_id)
    return EventShown(
        id=format_id(Prefix.EVENT, event.id),
        at=str(members["at"]),
        actor=event.actor,
        action=event.action,
        order=order,
        subject=None if event.number_index is None else event.number_index.hex(),
        facts=members["facts"],
        seal=read.seal,
    )


def seal_shown(seal: Seal, keys: Mapping[str, bytes]) -> SealShown:
    """Show a seal with its key."""
    return SealShown.model_validate(show_seal(seal, keys))


def show_proof(proof: Proof, keys: Mapping[str, bytes]) -> ProofShown:
    """Show a proof with its seal."""
    return ProofShown(
        id=format_id(Prefix.EVENT, proof.event.id),
        canonical=proof.content.decode(),
        leaf_hash=proof.leaf.hex(),
        index=proof.index,
        tree_size=proof.seal.events,
        path=[node.hex() for node in proof.path],
        seal=seal_shown(proof.seal, keys),
    )


def show_cosignature(kept: Cosignature) -> CosignatureShown:
    """Show a cosignature."""
    return CosignatureShown(
        public_key=kept.public_key,
        signature=b64encode(kept.signature).decode("ascii"),
        signed_by=kept.signed_by,
        received_at=kept.received_at,
    )


def _order_id(text: str | None, pointer: str) -> UUID | None:
    if text is None:
        return None
    found = parse_id(text, Prefix.ORDER, Prefix.QUERY)
    if found is None:
        raise InvalidFields.at(pointer, "expected the id of a query or an order")
    return found
