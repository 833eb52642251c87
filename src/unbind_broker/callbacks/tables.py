"""Signed reports of platforms as they were received, and removals that were wrong."""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
from unbind_broker.items.states import ItemStatus

evidence = Table(
    "evidence",
    metadata,
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("webhook_id", Text, primary_key=True),
    Column("received_at", INSTANT, nullable=False),
    Column("webhook_timestamp", Text, nullable=False),
    Column("webhook_signature", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("body", BYTES),
    Column("body_sha256", BYTES, nullable=False),
    Column("answer", BYTES),
    Column(
        "id",
        UUID,
        nullable=False,
        unique=True,
        server_default=text("gen_random_uuid()"),
    ),
)

# Either of an item of an order, or of a number of a clearance; orders keep their border
# themselves.
violations = Table(
    "violations",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("order_id", UUID),
    Column("platform_id", Integer, nullable=False),
    Column("carrier_id", Integer, nullable=False),
    Column("outcome", Coded(ItemStatus), nullable=False),
    Column("removed", Integer),
    Column("last_bound_at", INSTANT, nullable=False),
    Column("raised_at", INSTANT, nullable=False),
    Column("restore_id", UUID),
    Column("clearance_id", UUID),
    Column("place", Integer),
    Column("bound_before", INSTANT),
)

Index("violations_by_carrier", violations.c.carrier_id, violations.c.id)
Index("violations_by_platform", violations.c.platform_id, violations.c.id)
Index("violations_by_order", violations.c.order_id)
Index(
    "violations_by_restore",
    violations.c.restore_id,
    postgresql_where=violations.c.restore_id.is_not(None),
)
Index(
    "evidence_by_age",
    evidence.c.received_at,
    postgresql_where=evidence.c.body.is_not(None),
)
