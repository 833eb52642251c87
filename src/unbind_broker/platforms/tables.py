"""Platforms: the internet services that bind accounts to numbers."""

from sqlalchemy import Boolean, Column, Identity, Integer, Table, Text, text

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import INSTANT, TEXTS, Coded, metadata


class PlatformStatus(CodedEnum):
    """Whether a platform gets new items. Results are taken either way."""

    ACTIVE = ("active", 1)
    SUSPENDED = ("suspended", 2)


class World(CodedEnum):
    """Whose orders a platform gets; settled when it is registered, and for good."""

    REAL = ("real", 1)
    # A platform's test endpoint: it gets signed webhooks of rehearsals.
    SANDBOX = ("sandbox", 2)
    # Made up; the broker answers in its place.
    REHEARSED = ("rehearsed", 3)


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
    Column("world", Coded(World), nullable=False, server_default=text("1")),
)
