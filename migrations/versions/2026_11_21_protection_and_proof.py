"""Protection and proof: holdings, undo, brake, notices, receipts, seals."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders
    ADD told_at timestamptz,
    ADD hidden boolean NOT NULL DEFAULT false,
    ADD attestation_sealed bytea,
    ADD destroyed_at timestamptz,
    ALTER number_sealed DROP NOT NULL,
    ALTER number_index DROP NOT NULL,
    ALTER consent_method DROP NOT NULL,
    ALTER consent_at DROP NOT NULL,
    DROP CONSTRAINT orders_held_until,
    ADD CONSTRAINT orders_held_until
        CHECK (status <> 1 OR held_until IS NOT NULL OR held_for = 3),
    ADD CONSTRAINT orders_number
        CHECK (number_sealed IS NOT NULL OR destroyed_at IS NOT NULL);
ALTER TABLE items
    ADD follows uuid,
    ADD followed boolean NOT NULL DEFAULT false,
    ADD evidence_id uuid;
ALTER TABLE evidence
    ADD id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    ALTER body DROP NOT NULL,
    ALTER answer DROP NOT NULL;
CREATE INDEX evidence_by_age ON evidence (received_at) WHERE body IS NOT NULL
"""

OWNERSHIP = """
CREATE TABLE holdings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number_index bytea NOT NULL,
    carrier_id integer NOT NULL REFERENCES carriers,
    since date,
    from_on date,
    until date,
    began smallint NOT NULL,
    ended smallint,
    order_id uuid,
    confirmed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    retracted_at timestamptz,
    CONSTRAINT holdings_ended CHECK ((until IS NULL) = (ended IS NULL))
);
CREATE INDEX holdings_by_number ON holdings (number_index, id);
CREATE TABLE disputes (
    order_id uuid NOT NULL,
    platform_id integer NOT NULL,
    disputed_order_id uuid NOT NULL,
    raised_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, platform_id)
);
ALTER TABLE carriers
    ADD jwks jsonb,
    ADD attestation_required boolean NOT NULL DEFAULT false;
CREATE TABLE attestations_used (
    carrier_id integer NOT NULL,
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (carrier_id, jti)
);
CREATE INDEX attestations_used_by_age ON attestations_used (expires_at)
"""

GUARDS = """
CREATE TABLE violations (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL,
    platform_id integer NOT NULL,
    carrier_id integer NOT NULL,
    outcome smallint NOT NULL,
    removed integer,
    last_bound_at timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    restore_id uuid
);
CREATE INDEX violations_by_carrier ON violations (carrier_id, id);
CREATE INDEX violations_by_platform ON violations (platform_id, id);
CREATE INDEX violations_by_order ON violations (order_id);
CREATE TABLE brakes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier_id integer REFERENCES carriers,
    reason text NOT NULL,
    engaged_at timestamptz NOT NULL,
    engaged_by text NOT NULL,
    released_at timestamptz,
    released_by text
);
CREATE UNIQUE INDEX brakes_engaged ON brakes (coalesce(carrier_id, 0))
    WHERE released_at IS NULL;
CREATE TABLE result_marks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier_id integer NOT NULL,
    at timestamptz NOT NULL,
    results integer NOT NULL,
    bad integer NOT NULL,
    CONSTRAINT result_marks_counts CHECK (bad BETWEEN 0 AND results)
);
CREATE INDEX result_marks_by_carrier ON result_marks (carrier_id, id);
CREATE INDEX result_marks_bad ON result_marks (at) WHERE bad > 0
"""

NOTICES = """
CREATE TABLE notices (
    id uuid PRIMARY KEY,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
    carrier_id integer NOT NULL,
    event smallint NOT NULL,
    order_id uuid,
    at timestamptz NOT NULL,
    data bytea NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX notices_by_carrier ON notices (carrier_id, xid, id)
"""

PROOF = """
CREATE TABLE signing_keys (
    key_id text PRIMARY KEY,
    public_key bytea NOT NULL,
    first_used_at timestamptz NOT NULL
);
CREATE TABLE receipts (
    order_id uuid NOT NULL,
    version integer NOT NULL,
    issued_at timestamptz NOT NULL,
    content_sha256 bytea NOT NULL,
    jws text NOT NULL,
    PRIMARY KEY (order_id, version)
);
CREATE TABLE audit_seals (
    number bigint PRIMARY KEY,
    last_xid bigint NOT NULL,
    last_id uuid NOT NULL,
    events integer NOT NULL CHECK (events > 0),
    root bytea NOT NULL,
    previous bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    leaves bytea NOT NULL
);
CREATE INDEX audit_seals_by_position ON audit_seals (last_xid, last_id);
CREATE TABLE audit_cosignatures (
    seal_number bigint NOT NULL REFERENCES audit_seals,
    public_key text NOT NULL,
    signed_by text NOT NULL,
    signature bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (seal_number, public_key)
);
CREATE INDEX audit_events_by_number ON audit_events (number_index, id)
    WHERE number_index IS NOT NULL;
CREATE INDEX audit_events_by_actor ON audit_events (actor, id)
"""

# A month is the range of UUIDv7 values whose leading 48 bits, milliseconds since 1970,
# fall into it. A new partition is built aside and attached, because attaching locks out
# neither readers nor writers of the parent; creating it in place would.
ENSURE_MONTHS = """
CREATE OR REPLACE FUNCTION ensure_months(first timestamptz, months integer)
RETURNS integer
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    month timestamptz;
    part text;
    made integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['orders', 'items', 'attempts', 'notices'] LOOP
        FOR ahead IN 0 .. months LOOP
            month := date_trunc('month', first) + make_interval(months => ahead);
            part := parent || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = %s)',
                part, parent,
                CASE WHEN parent IN ('attempts', 'notices') THEN 100 ELSE 80 END);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, part, uuid7_floor(month),
                uuid7_floor(month + interval '1 month'));
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$
"""


def upgrade() -> None:
    for script in (ORDERS, OWNERSHIP, GUARDS, NOTICES, PROOF):
        for statement in script.split(";\n"):
            op.execute(statement)
    op.execute(ENSURE_MONTHS)
    op.execute("SELECT ensure_months(now(), 3)")


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: orders must not be lost")
