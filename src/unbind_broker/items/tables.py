"""Items: one platform's part of an order. The primary key is the only index."""

from sqlalchemy import Boolean, Column, Integer, SmallInteger, Table, Text, text

from unbind_broker.base.database import INSTANT, UUID, Coded, metadata
from unbind_broker.items.states import HolderAction, ItemStatus, Reason

items = Table(
    "items",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("status", Coded(ItemStatus), nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reason", Coded(Reason)),
    Column("holder_action", Coded(HolderAction)),
    Column("bindings", Integer),
    Column("removed", Integer),
    Column("kept", Integer),
    Column("acknowledged_at", INSTANT),
    Column("finished_at", INSTANT),
    Column("last_bound_at", INSTANT),
    Column("restorable_until", INSTANT),
    Column("expected_at", INSTANT),
    Column("cooling_off_until", INSTANT),
    Column("action_url", Text),
    Column("detail", Text),
    Column("follows", UUID),
    Column("followed", Boolean, nullable=False, server_default=text("false")),
    Column("evidence_id", UUID),
    postgresql_partition_by="RANGE (order_id)",
)
