"""What a carrier's back end imports to speak to a broker."""

from unbind_broker.client.broker import Client, Options
from unbind_broker.client.clearance_shapes import Clearance, NumberResult, Quarantined
from unbind_broker.client.disclosure import Disclosure
from unbind_broker.client.endpoint import EndpointChoice
from unbind_broker.client.errors import Refused, UnbindError, Unreachable
from unbind_broker.client.holdings import HoldingLine
from unbind_broker.client.order_shapes import (
    Consent,
    Item,
    ListedOrder,
    Order,
    Question,
    Unbinding,
)
from unbind_broker.client.receipts import Receipt, verify_receipt
from unbind_broker.client.retrying import Retrying
from unbind_broker.client.timeline import TimelineEvent

__all__ = [
    "Clearance",
    "Client",
    "Consent",
    "Disclosure",
    "EndpointChoice",
    "HoldingLine",
    "Item",
    "ListedOrder",
    "NumberResult",
    "Options",
    "Order",
    "Quarantined",
    "Question",
    "Receipt",
    "Refused",
    "Retrying",
    "TimelineEvent",
    "UnbindError",
    "Unbinding",
    "Unreachable",
    "verify_receipt",
]
