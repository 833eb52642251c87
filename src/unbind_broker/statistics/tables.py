"""What was counted of platforms, and how far the counting came."""

from sqlalchemy import BigInteger, Column, Date, Integer, SmallInteger, Table, Text

from unbind_broker.base.database import INSTANT, UUID, metadata

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
