"""What walks over all that is kept have found: the last time, and ever."""

from sqlalchemy import BigInteger, Column, Table, Text

from unbind_broker.base.database import INSTANT, metadata

upkeep_marks = Table(
    "upkeep_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", INSTANT),
    Column("looked_at", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
)
