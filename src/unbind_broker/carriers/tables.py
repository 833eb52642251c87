"""Carriers: the API clients who attest who holds a number."""

from sqlalchemy import Column, Identity, Integer, Table, Text

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import INSTANT, Coded, metadata


class CarrierStatus(CodedEnum):
    """Whether a carrier may call."""

    ACTIVE = ("active", 1)
    SUSPENDED = ("suspended", 2)


carriers = Table(
    "carriers",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("status", Coded(CarrierStatus), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
)
