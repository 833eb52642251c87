"""The audit trail: append-only facts, never numbers."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from unbind_broker.base.database import BYTES, INSTANT, UUID, metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", UUID, primary_key=True),
    Column(
        "xid",
        BigInteger,
        nullable=False,
        server_default=text("((pg_current_xact_id())::text)::bigint"),
    ),
    Column("at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("order_id", UUID),
    Column("number_index", BYTES),
    Column("facts", JSONB, nullable=False),
)

Index("audit_events_by_xid", audit_events.c.xid, audit_events.c.id)
Index(
    "audit_events_by_order",
    audit_events.c.order_id,
    postgresql_where=audit_events.c.order_id.is_not(None),
)
