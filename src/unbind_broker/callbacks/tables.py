"""Signed reports of platforms as they were received."""

from sqlalchemy import Column, Integer, Table, Text

from unbind_broker.base.database import BYTES, INSTANT, metadata

evidence = Table(
    "evidence",
    metadata,
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("webhook_id", Text, primary_key=True),
    Column("received_at", INSTANT, nullable=False),
    Column("webhook_timestamp", Text, nullable=False),
    Column("webhook_signature", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("body", BYTES, nullable=False),
    Column("body_sha256", BYTES, nullable=False),
    Column("answer", BYTES, nullable=False),
)
