"""Issue receipts: the broker's signed statements of what came of an order."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from jwt import PyJWS, get_unverified_header
from jwt.utils import base64url_decode

from unbind_broker.audit.signing_keys import keep_public
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.sealing import Sealer
from unbind_broker.items.receipt_content import (
    ReadContent,
    ReceiptContent,
    SealView,
    latest_seal,
    read_content,
)
from unbind_broker.orders import receipts
from unbind_broker.orders.receipts import StoredReceipt
from unbind_broker.orders.states import OrderKind

ISSUER = "unbind-broker"
TYPE = "unbind-receipt+jwt"
"""``typ`` of the JWS, so that no other statement by the same key passes for one."""


class OrderNotCompleted(BrokerError):
    """There is no outcome to state yet."""

    code: ClassVar[str] = "order-not-completed"
    title: ClassVar[str] = "The order is not completed"


class ReceiptPayload(ReceiptContent):
    """What is signed. ``previous`` is the SHA-256 of the version before, as text."""

    iss: str
    iat: int
    version: int
    previous: str | None
    audit: SealView | None


@dataclass(frozen=True)
class ReceiptAsked:
    """Which receipt is wanted, and by whom; ids of other kinds name nothing."""

    carrier_id: CarrierId
    actor: str
    order_id: UUID
    kinds: Collection[OrderKind]


@dataclass(frozen=True)
class ReceiptTools:
    """The keys: ``sealer`` opens the number, ``key`` signs."""

    sealer: Sealer
    key: BrokerKey


async def current_receipt(
    db: Db, now: datetime, asked: ReceiptAsked, tools: ReceiptTools
) -> StoredReceipt | None:
    """Give the newest receipt, and issue it if there is news; None without an order.

    With nothing new it is the stored one, byte for byte. Raises ``OrderNotCompleted``.
    """
    read = await _read(db, asked, tools)
    if read is None:
        return None
    _require_over(read)
    standing = await receipts.latest(db, asked.order_id)
    if standing is not None and _still_holds(standing, read):
        return standing
    return await _issue(db, now, asked, tools)


async def earlier_receipt(
    db: Db, asked: ReceiptAsked, version: int, tools: ReceiptTools
) -> StoredReceipt | None:
    """Give one version as it was issued; None if it or the order is not there."""
    if await _read(db, asked, tools) is None:
        return None
    return await receipts.find(db, asked.order_id, version)


async def _read(db: Db, asked: ReceiptAsked, tools: ReceiptTools) -> ReadContent | None:
    read = await read_content(db, asked.carrier_id, asked.order_id, tools.sealer)
    if read is None or read.content["order"]["kind"] not in asked.kinds:
        return None
    return read


def _require_over(read: ReadContent) -> None:
    if not read.over:
        raise OrderNotCompleted("there is a receipt once the order is over")


def _still_holds(standing: StoredReceipt, read: ReadContent) -> bool:
    return read.destroyed or standing.content_sha256 == read.sha256


async def _issue(
    db: Db, now: datetime, asked: ReceiptAsked, tools: ReceiptTools
) -> StoredReceipt:
    """Sign a new version, unless somebody else just did."""
    await receipts.lock_receipt(db, asked.order_id)
    read = await _read_standing_still(db, asked, tools)
    _require_over(read)
    standing = await receipts.latest(db, asked.order_id)
    if standing is not None and _still_holds(standing, read):
        return standing
    made = _sign(now, asked.order_id, read, standing, await latest_seal(db), tools.key)
    await receipts.add(db, made)
    await keep_public(db, now, tools.key)
    await record(db, now, _issued(asked, made, tools.key))
    return made


async def _read_standing_still(
    db: Db, asked: ReceiptAsked, tools: ReceiptTools
) -> ReadContent:
    """Read until nothing changes: results and their evidence belong together.

    They are read one after the other, and no lock keeps results away meanwhile.
    """
    before: bytes | None = None
    while True:
        read = await _read(db, asked, tools)
        if read is None:
            raise AssertionError("an order that was just read is not there")
        if read.sha256 == before:
            return read
        before = read.sha256


def _sign(
    now: datetime,
    order_id: UUID,
    read: ReadContent,
    standing: StoredReceipt | None,
    seal: SealView | None,
    key: BrokerKey,
) -> StoredReceipt:
    version = 1 if standing is None else standing.version + 1
    payload = ReceiptPayload(
        iss=ISSUER,
        iat=int(now.timestamp()),
        version=version,
        previous=None if standing is None else digest_of(standing.jws),
        **read.content,
        audit=seal,
    )
    written = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    jws = PyJWS(algorithms=["EdDSA"]).encode(
        written.encode(),
        key.private,
        algorithm="EdDSA",
        headers={"typ": TYPE, "kid": key.key_id},
    )
    return StoredReceipt(order_id, version, now, read.sha256, jws)


def _issued(asked: ReceiptAsked, made: StoredReceipt, key: BrokerKey) -> Fact:
    facts = {
        "version": made.version,
        "sha256": digest_of(made.jws),
        "content_sha256": made.content_sha256.hex(),
        "key": key.key_id,
    }
    return Fact(asked.actor, "receipt.issued", order_id=asked.order_id, facts=facts)


def digest_of(jws: str) -> str:
    """Name a receipt by the SHA-256 of its compact form, in hex."""
    return hashlib.sha256(jws.encode("ascii")).hexdigest()


def payload_of(jws: str) -> ReceiptPayload:
    """Read what a receipt of our own states. Its signature is not checked."""
    written = base64url_decode(jws.split(".")[1])
    payload: ReceiptPayload = json.loads(written)
    return payload


def key_id_of(jws: str) -> str:
    """Tell which key signed a receipt of our own."""
    return str(get_unverified_header(jws)["kid"])
