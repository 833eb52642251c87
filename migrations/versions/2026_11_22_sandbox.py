"""Sandbox: worlds of platforms, and carriers' twins that rehearse."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Each statement commits by itself and holds one table for a moment; begun again, it
# changes nothing. The release before works on: whatever it adds belongs to the real
# world.
STATEMENTS = (
    """
    ALTER TABLE platforms
        ADD COLUMN IF NOT EXISTS world smallint NOT NULL DEFAULT 1
            CHECK (world BETWEEN 1 AND 3)
    """,
    """
    ALTER TABLE carriers
        ADD COLUMN IF NOT EXISTS sandbox_of integer REFERENCES carriers (id)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS carriers_sandbox_of ON carriers (sandbox_of)
        WHERE sandbox_of IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS rehearsed_reports (
        subject_id uuid NOT NULL,
        platform_id integer NOT NULL,
        due_at timestamptz NOT NULL,
        PRIMARY KEY (subject_id, platform_id)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS rehearsed_reports_due ON rehearsed_reports (due_at)
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: twins would call as real carriers")
