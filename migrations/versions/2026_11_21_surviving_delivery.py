"""Surviving delivery: endpoints' health, replays, requeues, what was undeliverable."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Workers go on meanwhile, and take their locks in another order. So each statement
# commits by itself and holds one table for a moment; begun again, it changes nothing.
# `endpoints` gets no column: the release before reads all that it has, and stumbles.
STATEMENTS = (
    """
    CREATE TABLE IF NOT EXISTS endpoint_versions (
        endpoint_id integer PRIMARY KEY,
        version bigint NOT NULL
    )
    """,
    """
    ALTER TABLE endpoint_leases
        ADD IF NOT EXISTS seen_version bigint NOT NULL DEFAULT 0,
        ADD IF NOT EXISTS forced_at timestamptz
    """,
    """
    CREATE TABLE IF NOT EXISTS endpoint_health (
        endpoint_id integer PRIMARY KEY,
        condition smallint NOT NULL,
        since timestamptz NOT NULL,
        open_until timestamptz,
        opened smallint NOT NULL,
        last_success_at timestamptz,
        failing_since timestamptz,
        failures integer NOT NULL,
        last_error text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS endpoint_events (
        id uuid PRIMARY KEY,
        endpoint_id integer NOT NULL,
        kind smallint NOT NULL,
        at timestamptz NOT NULL,
        detail text
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS endpoint_events_by_endpoint
        ON endpoint_events (endpoint_id, id)
    """,
    """
    ALTER TABLE deliveries
        ADD IF NOT EXISTS occasion uuid,
        ADD IF NOT EXISTS replay boolean NOT NULL DEFAULT false
    """,
    """
    ALTER TABLE attempts
        ADD IF NOT EXISTS tls_ms integer,
        ADD IF NOT EXISTS occasion uuid,
        ADD IF NOT EXISTS replay boolean NOT NULL DEFAULT false
    """,
    """
    CREATE TABLE IF NOT EXISTS undelivered (
        order_id uuid NOT NULL,
        platform_id integer NOT NULL,
        at timestamptz NOT NULL,
        cause smallint NOT NULL,
        PRIMARY KEY (order_id, platform_id)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS undelivered_by_platform
        ON undelivered (platform_id, order_id)
    """,
    "CREATE INDEX IF NOT EXISTS order_log_by_order ON order_log (order_id, xid)",
    """
    CREATE TABLE IF NOT EXISTS upkeep_marks (
        name text PRIMARY KEY,
        at timestamptz,
        looked_at bigint NOT NULL,
        last bigint NOT NULL,
        total bigint NOT NULL
    )
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: orders must not be lost")
