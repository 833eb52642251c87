"""API keys: only their digests are kept."""

from sqlalchemy import Column, ForeignKey, Identity, Index, Integer, Table, Text

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import BYTES, INSTANT, Coded, metadata


class Role(CodedEnum):
    """Who a key speaks for."""

    CARRIER = ("carrier", 1)
    PLATFORM = ("platform", 2)
    ADMIN = ("admin", 3)
    AUDITOR = ("auditor", 4)


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("digest", BYTES, nullable=False, unique=True),
    Column("role", Coded(Role), nullable=False),
    Column("carrier_id", Integer, ForeignKey("carriers.id")),
    Column("platform_id", Integer, ForeignKey("platforms.id")),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("revoked_at", INSTANT),
)

Index("api_keys_carrier", api_keys.c.carrier_id)
Index("api_keys_platform", api_keys.c.platform_id)

spent_tokens = Table(
    "spent_tokens",
    metadata,
    Column("digest", BYTES, primary_key=True),
    Column("kept_until", INSTANT, nullable=False),
)
"""Logins that have ended and forms that were sent, until neither could count anyway."""

Index("spent_tokens_by_age", spent_tokens.c.kept_until)
