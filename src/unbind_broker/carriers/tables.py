"""Carriers: the API clients who attest who holds a number; brakes on their orders."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.database import INSTANT, Coded, metadata

SANDBOX_SUFFIX = ".sandbox"
"""Ends the slugs of twins, and of nobody else: no registered slug holds a dot."""


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
    Column("jwks", JSONB(none_as_null=True)),
    Column(
        "attestation_required", Boolean, nullable=False, server_default=text("false")
    ),
    # The carrier whose sandbox keys speak for this row: its twin.
    Column("sandbox_of", Integer, ForeignKey("carriers.id")),
)

Index(
    "carriers_sandbox_of",
    carriers.c.sandbox_of,
    unique=True,
    postgresql_where=carriers.c.sandbox_of.is_not(None),
)


def real_slug(slug: str) -> str:
    """Name the carrier itself, also where its twin is meant."""
    return slug.removesuffix(SANDBOX_SUFFIX)


REAL_SLUG = "split_part(carriers.slug, '.', 1)"
"""The same in SQL."""


brakes = Table(
    "brakes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("carrier_id", Integer, ForeignKey(carriers.c.id)),
    Column("reason", Text, nullable=False),
    Column("engaged_at", INSTANT, nullable=False),
    Column("engaged_by", Text, nullable=False),
    Column("released_at", INSTANT),
    Column("released_by", Text),
)

Index(
    "brakes_engaged",
    func.coalesce(brakes.c.carrier_id, 0),
    unique=True,
    postgresql_where=brakes.c.released_at.is_(None),
)


def _marks(name: str) -> Table:
    """Keep sums of a carrier's newest results, a row for each report."""
    marks = Table(
        name,
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("carrier_id", Integer, nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("results", Integer, nullable=False),
        Column("bad", Integer, nullable=False),
    )
    Index(f"{name}_by_carrier", marks.c.carrier_id, marks.c.id)
    Index(f"{name}_bad", marks.c.at, postgresql_where=marks.c.bad > 0)
    return marks


result_marks = _marks("result_marks")
# What platforms found about numbers of clearances.
finding_marks = _marks("finding_marks")

attestations_used = Table(
    "attestations_used",
    metadata,
    Column("carrier_id", Integer, primary_key=True, autoincrement=False),
    Column("jti", Text, primary_key=True),
    Column("expires_at", INSTANT, nullable=False),
)

Index("attestations_used_by_age", attestations_used.c.expires_at)
