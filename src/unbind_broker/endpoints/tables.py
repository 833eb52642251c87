"""Endpoints: where the broker posts, how well; which worker does it; the workers."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from unbind_broker.base.database import BYTES, INSTANT, TEXTS, UUID, Coded, metadata
from unbind_broker.endpoints.health import Condition, HealthEventKind
from unbind_broker.endpoints.states import Delivery, EndpointStatus, PausedBy

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("platform_id", Integer, ForeignKey("platforms.id"), unique=True),
    Column("carrier_id", Integer, ForeignKey("carriers.id"), unique=True),
    Column("url", Text),
    Column("pending_url", Text),
    Column("delivery", Coded(Delivery), nullable=False),
    Column("status", Coded(EndpointStatus), nullable=False),
    Column("paused_by", Coded(PausedBy)),
    Column("disabled_reason", Text),
    Column("max_batch", Integer, nullable=False),
    Column("max_concurrency", Integer, nullable=False),
    Column("max_rate", Double),
    Column("result_public_key", Text),
    Column("event_types", TEXTS),
    Column("secret_sealed", BYTES),
    Column("previous_secret_sealed", BYTES),
    Column("previous_secret_until", INSTANT),
    Column("verified_at", INSTANT),
    Column("created_at", INSTANT, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
)

endpoint_versions = Table(
    "endpoint_versions",
    metadata,
    Column("endpoint_id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

endpoint_health = Table(
    "endpoint_health",
    metadata,
    Column("endpoint_id", Integer, primary_key=True, autoincrement=False),
    Column("condition", Coded(Condition), nullable=False),
    Column("since", INSTANT, nullable=False),
    Column("open_until", INSTANT),
    Column("opened", SmallInteger, nullable=False),
    Column("last_success_at", INSTANT),
    Column("failing_since", INSTANT),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text),
)

endpoint_events = Table(
    "endpoint_events",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("kind", Coded(HealthEventKind), nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("detail", Text),
)

Index(
    "endpoint_events_by_endpoint", endpoint_events.c.endpoint_id, endpoint_events.c.id
)

endpoint_leases = Table(
    "endpoint_leases",
    metadata,
    Column("endpoint_id", Integer, ForeignKey("endpoints.id"), primary_key=True),
    Column("holder", UUID),
    Column("epoch", BigInteger, nullable=False),
    Column("lease_until", INSTANT),
    Column("cursor_xid", BigInteger, nullable=False),
    Column("cursor_order_id", UUID, nullable=False),
    Column("seen_version", BigInteger, nullable=False, server_default=text("0")),
    Column("forced_at", INSTANT),
)

Index("endpoint_leases_holder", endpoint_leases.c.holder)

workers = Table(
    "workers",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("host", Text, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("seen_at", INSTANT, nullable=False),
)
