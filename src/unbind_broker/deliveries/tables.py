"""What must be sent besides first sends, and what was exchanged."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from unbind_broker.base.database import BYTES, INSTANT, UUID, UUIDS, Coded, metadata
from unbind_broker.deliveries.outcomes import Cause, OutcomeKind
from unbind_broker.endpoints.events import EventType

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("event", Coded(EventType), nullable=False),
    Column("order_id", UUID, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("occasion", UUID),
    Column("replay", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("endpoint_id", "event", "order_id", name="deliveries_subject"),
)

Index(
    "deliveries_due",
    deliveries.c.endpoint_id,
    deliveries.c.due_at,
    deliveries.c.id,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("event", Coded(EventType), nullable=False),
    Column("order_ids", UUIDS, nullable=False),
    Column("webhook_id", Text, nullable=False),
    Column("body_sha256", BYTES, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("outcome", Coded(OutcomeKind), nullable=False),
    Column("status_code", SmallInteger),
    Column("dns_ms", Integer),
    Column("connect_ms", Integer),
    Column("first_byte_ms", Integer),
    Column("total_ms", Integer, nullable=False),
    Column("error", Text),
    Column("answer_head", Text),
    Column("tls_ms", Integer),
    Column("occasion", UUID),
    Column("replay", Boolean, nullable=False, server_default=text("false")),
    postgresql_partition_by="RANGE (id)",
)

Index("attempts_by_endpoint", attempts.c.endpoint_id, attempts.c.id)

undelivered = Table(
    "undelivered",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("at", INSTANT, nullable=False),
    Column("cause", Coded(Cause), nullable=False),
)

Index("undelivered_by_platform", undelivered.c.platform_id, undelivered.c.order_id)
