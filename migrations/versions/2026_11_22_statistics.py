"""Statistics: what is counted of platforms, day by day."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# New tables only: the release before works on beside them, and begun again this
# changes nothing. Sums are added to all the time, and nothing but `n` changes.
STATEMENTS = (
    """
    CREATE TABLE IF NOT EXISTS platform_days (
        platform_id integer NOT NULL,
        day date NOT NULL,
        kind smallint NOT NULL CHECK (kind BETWEEN 0 AND 3),
        measure smallint NOT NULL,
        n bigint NOT NULL CHECK (n > 0),
        PRIMARY KEY (platform_id, day, kind, measure)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE IF NOT EXISTS counting_marks (
        name text PRIMARY KEY,
        xid bigint NOT NULL,
        id uuid NOT NULL,
        at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: what was counted must not be lost")
