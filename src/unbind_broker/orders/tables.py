"""Orders (queries, unbind and restore orders) and the log of sendable ones."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
from unbind_broker.orders.states import (
    Action,
    ConsentMethod,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)

orders = Table(
    "orders",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Coded(OrderKind), nullable=False),
    Column("status", Coded(OrderStatus), nullable=False),
    Column("carrier_id", Integer, nullable=False),
    Column("scope", Coded(Scope), nullable=False),
    Column("action", Coded(Action)),
    Column("number_sealed", BYTES),
    Column("number_index", BYTES),
    Column("owner_since", Date, nullable=False),
    Column("ported_in_on", Date),
    Column("cutoff", INSTANT, nullable=False),
    Column("bound_from", INSTANT),
    Column("bound_before", INSTANT, nullable=False),
    Column("consent_method", Coded(ConsentMethod)),
    Column("consent_at", INSTANT),
    Column("reference", Text),
    Column("query_id", UUID),
    Column("restores", UUID),
    Column("recheck", Boolean, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("held_until", INSTANT),
    Column("held_for", Coded(HoldReason)),
    Column("deadline", INSTANT, nullable=False),
    Column("deadline_provisional", Boolean, nullable=False),
    Column("completed_at", INSTANT),
    Column("told_at", INSTANT),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("attestation_sealed", BYTES),
    Column("destroyed_at", INSTANT),
    Column("traceparent", String(55)),
    postgresql_partition_by="RANGE (id)",
)

Index("orders_by_number", orders.c.number_index, orders.c.id)
Index("orders_by_carrier", orders.c.carrier_id, orders.c.id)
Index(
    "orders_by_reference",
    orders.c.carrier_id,
    orders.c.reference,
    postgresql_where=orders.c.reference.is_not(None),
)
Index(
    "orders_open_by_deadline",
    orders.c.deadline,
    postgresql_where=orders.c.status.in_((OrderStatus.HELD, OrderStatus.IN_PROGRESS)),
)
Index(
    "orders_held",
    orders.c.held_until,
    postgresql_where=orders.c.status == OrderStatus.HELD,
)

order_log = Table(
    "order_log",
    metadata,
    Column("xid", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", UUID, primary_key=True),
)

Index("order_log_by_order", order_log.c.order_id, order_log.c.xid)

idempotency = Table(
    "idempotency",
    metadata,
    Column("carrier_id", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("fingerprint", BYTES, nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", Text),
    Column("body", BYTES, nullable=False),
    Column("created_at", INSTANT, nullable=False),
)

Index("idempotency_by_age", idempotency.c.created_at)

disputes = Table(
    "disputes",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("disputed_order_id", UUID, nullable=False),
    Column("raised_at", INSTANT, nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("issued_at", INSTANT, nullable=False),
    Column("content_sha256", BYTES, nullable=False),
    Column("jws", Text, nullable=False),
)
