"""The audit trail: append-only facts, never numbers; seals over them."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)
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
    "audit_events_by_number",
    audit_events.c.number_index,
    audit_events.c.id,
    postgresql_where=audit_events.c.number_index.is_not(None),
)
Index("audit_events_by_actor", audit_events.c.actor, audit_events.c.id)
Index(
    "audit_events_by_order",
    audit_events.c.order_id,
    postgresql_where=audit_events.c.order_id.is_not(None),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("last_xid", BigInteger, nullable=False),
    Column("last_id", UUID, nullable=False),
    Column("events", Integer, nullable=False),
    Column("root", BYTES, nullable=False),
    Column("previous", BYTES, nullable=False),
    Column("sealed_at", INSTANT, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", BYTES, nullable=False),
    Column("leaves", BYTES, nullable=False),
)

Index("audit_seals_by_position", audit_seals.c.last_xid, audit_seals.c.last_id)

audit_cosignatures = Table(
    "audit_cosignatures",
    metadata,
    Column(
        "seal_number", BigInteger, ForeignKey(audit_seals.c.number), primary_key=True
    ),
    Column("public_key", Text, primary_key=True),
    Column("signed_by", Text, nullable=False),
    Column("signature", BYTES, nullable=False),
    Column("received_at", INSTANT, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("public_key", BYTES, nullable=False),
    Column("first_used_at", INSTANT, nullable=False),
)
