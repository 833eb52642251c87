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

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
from unbind_broker.carriers.tables import carriers


class Began(CodedEnum):
    """How a holding became known."""

    ATTESTED = ("attested", 1)  # a query or an order named the day
    ACTIVATED = ("activated", 2)
    TRANSFERRED = ("transferred", 3)  # from another holder, at the same carrier
    PORTED_IN = ("ported_in", 4)  # the same holder, from another carrier
    RESUMED = ("resumed", 5)  # the former holder came back within the freeze


class Ended(CodedEnum):
    """How a holding ended."""

    SUPERSEDED = ("superseded", 1)  # a later holder became known, nothing else
    DISCONNECTED = ("disconnected", 2)
    TRANSFERRED = ("transferred", 3)
    PORTED_OUT = ("ported_out", 4)


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

Index("holdings_by_number", holdings.c.number_index, holdings.c.id)
