"""All tables in one metadata, for migrations and their drift check."""

from unbind_broker.audit.tables import (
    audit_cosignatures,
    audit_events,
    audit_seals,
    signing_keys,
)
from unbind_broker.base.database import metadata
from unbind_broker.callbacks.tables import evidence, violations
from unbind_broker.carriers.tables import (
    attestations_used,
    brakes,
    carriers,
    finding_marks,
    result_marks,
)
from unbind_broker.clearances.tables import (
    clearance_findings,
    clearance_held,
    clearance_looks,
    clearance_numbers,
    clearance_overrides,
    clearance_parts,
    clearance_platforms,
    clearance_waves,
    clearances,
)
from unbind_broker.deadlines.tables import order_reminders, upkeep_marks
from unbind_broker.deliveries.tables import attempts, deliveries, undelivered
from unbind_broker.endpoints.tables import (
    endpoint_events,
    endpoint_health,
    endpoint_leases,
    endpoint_versions,
    endpoints,
    workers,
)
from unbind_broker.holdings.tables import holding_refusals, holdings
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import api_keys, spent_tokens
from unbind_broker.notices.tables import notices, order_changes, order_updates
from unbind_broker.orders.tables import (
    disputes,
    idempotency,
    order_log,
    orders,
    receipts,
)
from unbind_broker.platforms.tables import platforms
from unbind_broker.rehearsals.tables import rehearsed_reports
from unbind_broker.statistics.tables import counting_marks, platform_days

__all__ = [
    "api_keys",
    "attempts",
    "attestations_used",
    "audit_cosignatures",
    "audit_events",
    "audit_seals",
    "brakes",
    "carriers",
    "clearance_findings",
    "clearance_held",
    "clearance_looks",
    "clearance_numbers",
    "clearance_overrides",
    "clearance_parts",
    "clearance_platforms",
    "clearance_waves",
    "clearances",
    "counting_marks",
    "deliveries",
    "disputes",
    "endpoint_events",
    "endpoint_health",
    "endpoint_leases",
    "endpoint_versions",
    "endpoints",
    "evidence",
    "finding_marks",
    "holding_refusals",
    "holdings",
    "idempotency",
    "items",
    "metadata",
    "notices",
    "order_changes",
    "order_log",
    "order_reminders",
    "order_updates",
    "orders",
    "platform_days",
    "platforms",
    "receipts",
    "rehearsed_reports",
    "result_marks",
    "signing_keys",
    "spent_tokens",
    "undelivered",
    "upkeep_marks",
    "violations",
    "workers",
]
