"""Platforms: the internet services that bind accounts to numbers."""

from sqlalchemy import Boolean, Column, Identity, Integer, Table, Text

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import INSTANT, TEXTS, Coded, metadata


class PlatformStatus(CodedEnum):
    """Whether a platform gets new items. Results are taken either way."""

    ACTIVE = ("active", 1)
    SUSPENDED = ("suspended", 2)


platforms = Table(
    "platforms",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("domains", TEXTS, nullable=False),
    Column("capabilities", TEXTS, nullable=False),
    Column("cancel_url", Text),
    Column("status", Coded(PlatformStatus), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
)
