"""Clearing and progress: clearances and what came of them, and news of orders."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Each statement commits by itself and holds one table for a moment; begun again, it
# changes nothing. The release before works on beside these tables.
STATEMENTS = (
    """
    CREATE TABLE IF NOT EXISTS clearances (
        id uuid PRIMARY KEY,
        carrier_id integer NOT NULL,
        status smallint NOT NULL CHECK (status BETWEEN 1 AND 4),
        reference text,
        created_at timestamptz NOT NULL,
        published_at timestamptz,
        deadline timestamptz,
        completed_at timestamptz,
        stopped_at timestamptz,
        stop_reason smallint,
        resumed_at timestamptz,
        destroyed_at timestamptz,
        emptied_at timestamptz,
        final_counts jsonb,
        numbers integer NOT NULL DEFAULT 0,
        CONSTRAINT clearances_published CHECK (
            (status = 1) = (published_at IS NULL)
            AND (published_at IS NULL) = (deadline IS NULL)
        ),
        CONSTRAINT clearances_completed CHECK (
            (status = 4) = (completed_at IS NOT NULL)
        )
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS clearances_by_carrier ON clearances (carrier_id, id)
    """,
    "CREATE INDEX IF NOT EXISTS clearances_open ON clearances (id) WHERE status <> 4",
    """
    CREATE INDEX IF NOT EXISTS clearances_not_emptied ON clearances (id)
        WHERE emptied_at IS NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_parts (
        clearance_id uuid NOT NULL,
        n integer NOT NULL,
        sha256 bytea NOT NULL,
        key_id bytea NOT NULL,
        accepted integer NOT NULL,
        refused integer NOT NULL,
        bad jsonb NOT NULL,
        first_place integer NOT NULL,
        last_place integer NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (clearance_id, n)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_numbers (
        clearance_id uuid NOT NULL,
        place integer NOT NULL,
        number_index bytea NOT NULL,
        number_sealed bytea NOT NULL,
        disconnected_on date NOT NULL,
        withdrawn_at timestamptz,
        withdrawn_for smallint,
        PRIMARY KEY (clearance_id, place),
        CONSTRAINT clearance_numbers_one_of_each UNIQUE (clearance_id, number_index),
        CONSTRAINT clearance_numbers_withdrawn CHECK (
            (withdrawn_at IS NULL) = (withdrawn_for IS NULL)
        )
    ) WITH (autovacuum_vacuum_insert_scale_factor = 0.5)
    """,
    """
    CREATE INDEX IF NOT EXISTS clearance_numbers_withdrawn
        ON clearance_numbers (clearance_id, place) WHERE withdrawn_at IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_waves (
        clearance_id uuid NOT NULL,
        wave smallint NOT NULL,
        notice_id uuid NOT NULL UNIQUE,
        first_place integer NOT NULL,
        last_place integer NOT NULL,
        numbers integer NOT NULL,
        due_at timestamptz NOT NULL,
        checked_to integer NOT NULL DEFAULT 0,
        published_at timestamptz,
        PRIMARY KEY (clearance_id, wave)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS clearance_waves_due ON clearance_waves (due_at)
        WHERE published_at IS NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_platforms (
        clearance_id uuid NOT NULL,
        platform_id integer NOT NULL,
        wave smallint NOT NULL,
        read_to integer NOT NULL DEFAULT 0,
        complete_at timestamptz,
        findings integer NOT NULL DEFAULT 0,
        PRIMARY KEY (clearance_id, platform_id, wave)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS clearance_platforms_by_platform
        ON clearance_platforms (platform_id, clearance_id)
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_findings (
        clearance_id uuid NOT NULL,
        platform_id integer NOT NULL,
        place integer NOT NULL,
        outcome smallint NOT NULL,
        reason smallint,
        last_bound_at timestamptz,
        detail text,
        at timestamptz NOT NULL,
        PRIMARY KEY (clearance_id, platform_id, place)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS clearance_findings_by_place
        ON clearance_findings (clearance_id, place)
    """,
    """
    CREATE INDEX IF NOT EXISTS clearance_findings_standing
        ON clearance_findings (clearance_id, place) WHERE reason IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_overrides (
        clearance_id uuid NOT NULL,
        place integer NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        why text NOT NULL,
        PRIMARY KEY (clearance_id, place)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS order_changes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL,
        order_ids uuid[] NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
    """,
    "ALTER TABLE order_changes ALTER COLUMN order_ids SET STORAGE EXTERNAL",
    """
    CREATE TABLE IF NOT EXISTS order_updates (
        order_id uuid PRIMARY KEY,
        due_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
    """,
    "CREATE INDEX IF NOT EXISTS order_updates_due ON order_updates (due_at)",
    """
    CREATE TABLE IF NOT EXISTS order_reminders (
        order_id uuid PRIMARY KEY,
        due_at timestamptz NOT NULL,
        mark smallint NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS order_reminders_due ON order_reminders (due_at)",
    """
    CREATE TABLE IF NOT EXISTS holding_refusals (
        carrier_id integer NOT NULL,
        day date NOT NULL,
        refused bigint NOT NULL,
        PRIMARY KEY (carrier_id, day)
    )
    """,
    """
    ALTER TABLE violations
        ALTER COLUMN order_id DROP NOT NULL,
        ADD COLUMN IF NOT EXISTS clearance_id uuid,
        ADD COLUMN IF NOT EXISTS place integer,
        ADD COLUMN IF NOT EXISTS bound_before timestamptz,
        DROP CONSTRAINT IF EXISTS violations_about,
        ADD CONSTRAINT violations_about CHECK (
            num_nulls(clearance_id, place, bound_before)
                = CASE WHEN order_id IS NULL THEN 0 ELSE 3 END
        )
    """,
    """
    CREATE INDEX IF NOT EXISTS violations_by_restore
        ON violations (restore_id) WHERE restore_id IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS finding_marks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        carrier_id integer NOT NULL,
        at timestamptz NOT NULL,
        results integer NOT NULL,
        bad integer NOT NULL,
        CONSTRAINT finding_marks_counts CHECK (bad BETWEEN 0 AND results)
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS finding_marks_by_carrier
        ON finding_marks (carrier_id, id)
    """,
    """
    CREATE INDEX IF NOT EXISTS finding_marks_bad ON finding_marks (at) WHERE bad > 0
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_held (
        clearance_id uuid NOT NULL,
        place integer NOT NULL,
        PRIMARY KEY (clearance_id, place)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS clearance_looks (
        clearance_id uuid PRIMARY KEY,
        place integer NOT NULL,
        due_at timestamptz NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: clearances must not be lost")
