"""What a receipt states (a read model): an order as its carrier sees it, and proof.

It stands on the carrier's own view. So in scope ``previous_owner`` sensitive platforms
are only counted here too, and nothing that they answer makes another receipt.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import select

from unbind_broker.audit.tables import audit_seals
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import mask_numbers
from unbind_broker.base.sealing import Sealer
from unbind_broker.carriers.tables import carriers
from unbind_broker.items.item_views import ItemView
from unbind_broker.items.views import OrderView, Sensitive, read_order
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import OrderHead


class EvidenceView(TypedDict):
    """The signed report behind a result; ``sha256`` is that of its raw body."""

    sha256: str
    webhook_id: str
    signed_at: str


class ReceiptItem(ItemView):
    """One platform's part, with its proof if the platform signs its reports."""

    platform_name_en: str
    evidence: EvidenceView | None


class ReceiptOrder(OrderHead):
    """The order, with its carrier's names."""

    carrier_name: str
    carrier_name_en: str


class SealView(TypedDict):
    """The newest seal over the audit trail."""

    seal: int
    root: str
    sealed_at: str


class ReceiptContent(TypedDict):
    """Everything that a receipt states of an order, ready for JSON."""

    order: ReceiptOrder
    summary: dict[str, int]
    sensitive: Sensitive
    items: list[ReceiptItem]


@dataclass(frozen=True)
class ReadContent:
    """The content, whether the order is over, and what tells changes apart.

    ``destroyed``: the number is gone, and with it what later versions would need.
    """

    content: ReceiptContent
    over: bool
    destroyed: bool
    sha256: bytes


async def read_content(
    db: Db, carrier_id: CarrierId, order_id: UUID, sealer: Sealer
) -> ReadContent | None:
    """Read what a receipt would state now; None if the order is not the carrier's."""
    view = await read_order(db, carrier_id, order_id, sealer)
    if view is None:
        return None
    besides = (await db.execute(_BESIDES.where(orders.c.id == order_id))).one()
    rows = (await db.execute(_PROOF, {"order": order_id})).all()
    content = _content(view, besides, {row.slug: row for row in rows})
    return ReadContent(
        content=content,
        over=OrderStatus(view["status"]) in _OVER,
        destroyed=besides.destroyed_at is not None,
        sha256=_fingerprint(content),
    )


async def latest_seal(db: Db) -> SealView | None:
    """Read the newest seal over the audit trail."""
    found = await db.execute(
        select(audit_seals.c.number, audit_seals.c.root, audit_seals.c.sealed_at)
        .order_by(audit_seals.c.number.desc())
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return None
    return SealView(
        seal=row.number, root=row.root.hex(), sealed_at=show_instant(row.sealed_at)
    )


def shown_webhook_id(webhook_id: str) -> str:
    """Mask mobile numbers: platforms choose these ids, and might put one into them."""
    return mask_numbers(webhook_id)


_OVER = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED})
# That of a twin, which nobody takes for a real carrier: a receipt is shown around.
_BESIDES = select(
    carriers.c.slug, carriers.c.name_zh, carriers.c.name_en, orders.c.destroyed_at
).join_from(orders, carriers, carriers.c.id == orders.c.carrier_id)
# `evidence` belongs to a package above this one, so it is named in plain SQL.
_PROOF = sql(
    """
    SELECT p.slug, p.name_en, e.webhook_id, e.webhook_timestamp, e.body_sha256
    FROM items i
    JOIN platforms p ON p.id = i.platform_id
    LEFT JOIN evidence e ON e.id = i.evidence_id
    WHERE i.order_id = :order""",
    order=UUID_TYPE,
)
_NOT_RESULTS = frozenset({"attempts", "platform_name", "platform_name_en"})
"""Fields of an item that may change without anything having come of it."""


def _content(view: OrderView, besides: Any, proof: Mapping[str, Any]) -> ReceiptContent:
    head = {name: view[name] for name in OrderHead.__annotations__}  # type: ignore[literal-required] # its own fields
    return ReceiptContent(
        order=ReceiptOrder(
            **{**head, "carrier": besides.slug},  # type: ignore[typeddict-item] # the fields of an OrderHead
            carrier_name=besides.name_zh,
            carrier_name_en=besides.name_en,
        ),
        summary=view["summary"],
        sensitive=view["sensitive"],
        items=[_item(item, proof[item["platform"]]) for item in view["items"]],
    )


def _item(item: ItemView, proof: Any) -> ReceiptItem:
    return ReceiptItem(
        **item, platform_name_en=proof.name_en, evidence=_evidence(proof)
    )


def _evidence(proof: Any) -> EvidenceView | None:
    if proof.body_sha256 is None:
        return None
    signed_at = datetime.fromtimestamp(int(proof.webhook_timestamp), UTC)
    return EvidenceView(
        sha256=proof.body_sha256.hex(),
        webhook_id=shown_webhook_id(proof.webhook_id),
        signed_at=show_instant(signed_at),
    )


def _fingerprint(content: ReceiptContent) -> bytes:
    """Digest what makes another version: the outcome, not names or tries."""
    order = content["order"]
    results = {
        "id": order["id"],
        "status": order["status"],
        "completed_at": order["completed_at"],
        "sensitive": content["sensitive"],
        "items": [
            {name: value for name, value in item.items() if name not in _NOT_RESULTS}
            for item in content["items"]
        ],
    }
    written = json.dumps(results, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).digest()
