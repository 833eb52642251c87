"""What walks over all that is kept have found and counted, and reminders' times."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
)

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

# Of each platform and day, by kind of order (0: of none) and code of a measure.
platform_days = Table(
    "platform_days",
    metadata,
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("measure", SmallInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
)

counting_marks = Table(
    "counting_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("xid", BigInteger, nullable=False),
    Column("id", UUID, nullable=False),
    Column("at", INSTANT, nullable=False),
)
