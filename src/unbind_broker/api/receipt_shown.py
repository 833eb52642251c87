"""What a receipt states, as whoever verifies one reads it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.order_shown import ItemShown, SensitiveShown
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class EvidenceStated(AnswerModel):
    """The signed report behind a result."""

    sha256: Sha256
    webhook_id: str
    signed_at: ShownInstant


class ItemStated(ItemShown):
    """One platform's part."""

    platform_name_en: str
    evidence: EvidenceStated | None


class OrderStated(AnswerModel):
    """The order, without what stands beside it."""

    id: str
    kind: OrderKind
    status: OrderStatus
    number: str
    owner_since: date
    cutoff: ShownInstant
    scope: Scope
    action: Action | None
    carrier: str
    carrier_name: str
    carrier_name_en: str
    reference: str | None
    created_at: ShownInstant
    held_until: ShownInstant | None
    held_for: HoldReason | None
    deadline: ShownInstant
    completed_at: ShownInstant | None


class SealStated(AnswerModel):
    """The newest seal of the audit trail when the receipt was issued."""

    seal: int = Field(ge=1)
    root: Sha256
    sealed_at: ShownInstant


class ReceiptStated(AnswerModel):
    """The payload of a receipt's JWS."""

    iss: Literal["unbind-broker"]
    iat: int = Field(ge=0)
    version: int = Field(ge=1)
    previous: Sha256 | None
    order: OrderStated
    summary: dict[str, int]
    sensitive: SensitiveShown
    items: list[ItemStated]
    audit: SealStated | None
