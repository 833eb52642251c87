"""Clearances: numbers given up, in waves, and what platforms found about them.

Storage grows with numbers and findings, never with numbers times platforms.
"""

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from unbind_broker.base.database import BYTES, INSTANT, UUID, Coded, metadata
from unbind_broker.clearances.states import (
    ClearanceStatus,
    FindingOutcome,
    FindingReason,
    StopReason,
    WithdrawnFor,
)

__all__ = [
    "clearance_findings",
    "clearance_held",
    "clearance_looks",
    "clearance_numbers",
    "clearance_overrides",
    "clearance_parts",
    "clearance_platforms",
    "clearance_waves",
    "clearances",
]

# `numbers` counts those that were accepted, withdrawn ones too. A stop that an
# administrator has overruled (`resumed_at`) is not repeated. From `destroyed_at` on
# nobody changes it any more, `final_counts` says how many numbers stood how, and its
# numbers go step by step, the last of them at `emptied_at`.
clearances = Table(
    "clearances",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("carrier_id", Integer, nullable=False),
    Column("status", Coded(ClearanceStatus), nullable=False),
    Column("reference", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("published_at", INSTANT),
    Column("deadline", INSTANT),
    Column("completed_at", INSTANT),
    Column("stopped_at", INSTANT),
    Column("stop_reason", Coded(StopReason)),
    Column("resumed_at", INSTANT),
    Column("destroyed_at", INSTANT),
    Column("emptied_at", INSTANT),
    Column("final_counts", JSONB),
    Column("numbers", Integer, nullable=False, server_default=text("0")),
)

Index("clearances_by_carrier", clearances.c.carrier_id, clearances.c.id)
Index(
    "clearances_open",
    clearances.c.id,
    postgresql_where=clearances.c.status != ClearanceStatus.COMPLETED,
)
Index(
    "clearances_not_emptied",
    clearances.c.id,
    postgresql_where=clearances.c.emptied_at.is_(None),
)

# Its numbers have the places `first_place` to `last_place`, none if that lies before;
# they are sealed by the key `key_id`, or, while they are being resealed, by another.
# `sha256` is a keyed digest of what was sent: one number alone would be guessed from a
# plain one.
clearance_parts = Table(
    "clearance_parts",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("sha256", BYTES, nullable=False),
    Column("key_id", BYTES, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("bad", JSONB, nullable=False),
    Column("first_place", Integer, nullable=False),
    Column("last_place", Integer, nullable=False),
    Column("at", INSTANT, nullable=False),
)

# Places rise in the order in which numbers were accepted. A part that was replaced
# leaves a gap: nobody may count numbers by subtracting places. A number that was
# withdrawn before its wave was published has never been shown to a platform.
clearance_numbers = Table(
    "clearance_numbers",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("number_index", BYTES, nullable=False),
    Column("number_sealed", BYTES, nullable=False),
    Column("disconnected_on", Date, nullable=False),
    Column("withdrawn_at", INSTANT),
    Column("withdrawn_for", Coded(WithdrawnFor)),
    UniqueConstraint(
        "clearance_id", "number_index", name="clearance_numbers_one_of_each"
    ),
)

Index(
    "clearance_numbers_withdrawn",
    clearance_numbers.c.clearance_id,
    clearance_numbers.c.place,
    postgresql_where=clearance_numbers.c.withdrawn_at.is_not(None),
)

# `numbers` counts those in its range; `notice_id` is the subject of its webhooks. Up to
# the place `checked_to` numbers were looked at for new holders before it goes out.
clearance_waves = Table(
    "clearance_waves",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("wave", SmallInteger, primary_key=True, autoincrement=False),
    Column("notice_id", UUID, nullable=False, unique=True),
    Column("first_place", Integer, nullable=False),
    Column("last_place", Integer, nullable=False),
    Column("numbers", Integer, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("checked_to", Integer, nullable=False, server_default=text("0")),
    Column("published_at", INSTANT),
)

Index(
    "clearance_waves_due",
    clearance_waves.c.due_at,
    postgresql_where=clearance_waves.c.published_at.is_(None),
)

clearance_platforms = Table(
    "clearance_platforms",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("wave", SmallInteger, primary_key=True, autoincrement=False),
    Column("read_to", Integer, nullable=False, server_default=text("0")),
    Column("complete_at", INSTANT),
    Column("findings", Integer, nullable=False, server_default=text("0")),
)

Index(
    "clearance_platforms_by_platform",
    clearance_platforms.c.platform_id,
    clearance_platforms.c.clearance_id,
)

clearance_findings = Table(
    "clearance_findings",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("outcome", Coded(FindingOutcome), nullable=False),
    Column("reason", Coded(FindingReason)),
    Column("last_bound_at", INSTANT),
    Column("detail", Text),
    Column("at", INSTANT, nullable=False),
)

Index(
    "clearance_findings_by_place",
    clearance_findings.c.clearance_id,
    clearance_findings.c.place,
)

# Few findings have a reason: those that stand in the way of a number's next holder.
Index(
    "clearance_findings_standing",
    clearance_findings.c.clearance_id,
    clearance_findings.c.place,
    postgresql_where=clearance_findings.c.reason.is_not(None),
)

clearance_overrides = Table(
    "clearance_overrides",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
)

# Numbers that somebody held again when they were looked at last.
clearance_held = Table(
    "clearance_held",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
)

# How far the look for such numbers has come, and when it goes on.
clearance_looks = Table(
    "clearance_looks",
    metadata,
    Column("clearance_id", UUID, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("due_at", INSTANT, nullable=False),
)
