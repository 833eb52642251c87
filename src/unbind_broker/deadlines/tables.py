"""What walks over all that is kept have found, and when platforms are reminded."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table, Text

from unbind_broker.base.database import INSTANT, UUID, metadata

upkeep_marks = Table(
    "upkeep_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", INSTANT),
    Column("looked_at", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
)

order_reminders = Table(
    "order_reminders",
    metadata,
    Column("order_id", UUID, primary_key=True),
    Column("due_at", INSTANT, nullable=False),
    Column("mark", SmallInteger, nullable=False),
)

Index("order_reminders_due", order_reminders.c.due_at)
