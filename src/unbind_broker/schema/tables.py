"""All tables in one metadata, for migrations and their drift check."""

from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import metadata
from unbind_broker.callbacks.tables import evidence
from unbind_broker.carriers.tables import carriers
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints.tables import endpoint_leases, endpoints, workers
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import api_keys
from unbind_broker.orders.tables import idempotency, order_log, orders
from unbind_broker.platforms.tables import platforms

__all__ = [
    "api_keys",
    "attempts",
    "audit_events",
    "carriers",
    "deliveries",
    "endpoint_leases",
    "endpoints",
    "evidence",
    "idempotency",
    "items",
    "metadata",
    "order_log",
    "orders",
    "platforms",
    "workers",
]
