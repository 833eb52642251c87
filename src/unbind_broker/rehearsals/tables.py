"""What made-up platforms have still to tell."""

from sqlalchemy import Column, Index, Integer, Table

from unbind_broker.base.database import INSTANT, UUID, metadata

# The subject is an order, or the notice of a clearance's wave. What is told then is
# found anew: it is the same every time.
rehearsed_reports = Table(
    "rehearsed_reports",
    metadata,
    Column("subject_id", UUID, primary_key=True),
    Column("platform_id", Integer, primary_key=True, autoincrement=False),
    Column("due_at", INSTANT, nullable=False),
)

Index("rehearsed_reports_due", rehearsed_reports.c.due_at)
