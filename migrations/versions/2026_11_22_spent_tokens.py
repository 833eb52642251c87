"""Spent tokens: logins that have ended, and forms that were sent."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A new table only: the release before works on beside it, and asks nobody whether a
# login has ended. Begun again this changes nothing.
STATEMENTS = (
    """
    CREATE TABLE IF NOT EXISTS spent_tokens (
        digest bytea PRIMARY KEY,
        kept_until timestamptz NOT NULL
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS spent_tokens_by_age ON spent_tokens (kept_until)
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("stay: the release before runs on it as it is")
