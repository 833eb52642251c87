"""What carriers are told besides the answers to their calls."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, text

from unbind_broker.base.database import BYTES, INSTANT, UUID, UUIDS, Coded, metadata
from unbind_broker.endpoints.events import EventType

notices = Table(
    "notices",
    metadata,
    Column("id", UUID, primary_key=True),
    Column(
        "xid",
        BigInteger,
        nullable=False,
        server_default=text("((pg_current_xact_id())::text)::bigint"),
    ),
    Column("carrier_id", Integer, nullable=False),
    Column("event", Coded(EventType), nullable=False),
    Column("order_id", UUID),
    Column("at", INSTANT, nullable=False),
    Column("data", BYTES, nullable=False),
    postgresql_partition_by="RANGE (id)",
)

Index("notices_by_carrier", notices.c.carrier_id, notices.c.xid, notices.c.id)

order_changes = Table(
    "order_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("order_ids", UUIDS, nullable=False),
)

order_updates = Table(
    "order_updates",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("due_at", INSTANT, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
)

Index("order_updates_due", order_updates.c.due_at)
