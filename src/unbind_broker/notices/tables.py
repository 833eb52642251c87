"""What carriers are told besides the answers to their calls."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, text

from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
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
