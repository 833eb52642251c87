"""Who held a number from when to when, told by which carrier; never the number."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
)

from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
from unbind_broker.carriers.tables import carriers
from unbind_broker.holdings.states import Began, Ended

__all__ = ["Began", "Ended", "holding_refusals", "holdings"]

holdings = Table(
    "holdings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("number_index", BYTES, nullable=False),
    Column("carrier_id", Integer, ForeignKey(carriers.c.id), nullable=False),
    Column("since", Date),
    Column("from_on", Date),
    Column("until", Date),
    Column("began", Coded(Began), nullable=False),
    Column("ended", Coded(Ended)),
    Column("order_id", UUID),
    Column("confirmed_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("retracted_at", INSTANT),
)

holding_refusals = Table(
    "holding_refusals",
    metadata,
    Column("carrier_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("refused", BigInteger, nullable=False),
)

Index("holdings_by_number", holdings.c.number_index, holdings.c.id)
