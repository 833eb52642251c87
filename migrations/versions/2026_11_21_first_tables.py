"""First tables: registry, orders, items, deliveries, attempts, evidence, audit."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REGISTRY = """
CREATE TABLE carriers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    status smallint NOT NULL CHECK (status IN (1, 2)),
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE TABLE platforms (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    category text NOT NULL,
    sensitive boolean NOT NULL,
    domains text[] NOT NULL,
    capabilities text[] NOT NULL,
    cancel_url text,
    status smallint NOT NULL CHECK (status IN (1, 2)),
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE TABLE api_keys (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    role smallint NOT NULL,
    carrier_id integer REFERENCES carriers,
    platform_id integer REFERENCES platforms,
    name text NOT NULL,
    hint text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_holder CHECK (
        (role = 1 AND carrier_id IS NOT NULL AND platform_id IS NULL)
        OR (role = 2 AND platform_id IS NOT NULL AND carrier_id IS NULL)
        OR (role IN (3, 4) AND carrier_id IS NULL AND platform_id IS NULL)
    )
);
CREATE INDEX api_keys_carrier ON api_keys (carrier_id);
CREATE INDEX api_keys_platform ON api_keys (platform_id);
CREATE TABLE endpoints (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id integer UNIQUE REFERENCES platforms,
    carrier_id integer UNIQUE REFERENCES carriers,
    url text,
    pending_url text,
    delivery smallint NOT NULL CHECK (delivery IN (1, 2)),
    status smallint NOT NULL CHECK (status BETWEEN 1 AND 4),
    paused_by smallint CHECK (paused_by IN (1, 2)),
    disabled_reason text,
    max_batch integer NOT NULL CHECK (max_batch BETWEEN 1 AND 500),
    max_concurrency integer NOT NULL CHECK (max_concurrency BETWEEN 1 AND 64),
    max_rate double precision CHECK (max_rate > 0),
    result_public_key text,
    event_types text[],
    secret_sealed bytea,
    previous_secret_sealed bytea,
    previous_secret_until timestamptz,
    verified_at timestamptz,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT endpoints_owner CHECK (num_nonnulls(platform_id, carrier_id) = 1),
    CONSTRAINT endpoints_paused_by CHECK ((status = 3) = (paused_by IS NOT NULL))
);
CREATE TABLE endpoint_leases (
    endpoint_id integer PRIMARY KEY REFERENCES endpoints,
    holder uuid,
    epoch bigint NOT NULL,
    lease_until timestamptz,
    cursor_xid bigint NOT NULL,
    cursor_order_id uuid NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX endpoint_leases_holder ON endpoint_leases (holder);
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
)
"""

ORDERS = """
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    status smallint NOT NULL CHECK (status BETWEEN 1 AND 4),
    carrier_id integer NOT NULL,
    scope smallint NOT NULL CHECK (scope IN (1, 2)),
    action smallint CHECK (action IN (1, 2)),
    number_sealed bytea NOT NULL,
    number_index bytea NOT NULL,
    owner_since date NOT NULL,
    ported_in_on date,
    cutoff timestamptz NOT NULL,
    bound_from timestamptz,
    bound_before timestamptz NOT NULL,
    consent_method smallint NOT NULL,
    consent_at timestamptz NOT NULL,
    reference text,
    query_id uuid,
    restores uuid,
    recheck boolean NOT NULL,
    created_at timestamptz NOT NULL,
    held_until timestamptz,
    held_for smallint,
    deadline timestamptz NOT NULL,
    deadline_provisional boolean NOT NULL,
    completed_at timestamptz,
    CONSTRAINT orders_held_until CHECK (status <> 1 OR held_until IS NOT NULL),
    CONSTRAINT orders_query_has_no_action CHECK ((kind = 1) = (action IS NULL)),
    CONSTRAINT orders_interval CHECK (bound_from IS NULL OR bound_from <= bound_before)
) PARTITION BY RANGE (id);
CREATE INDEX orders_by_number ON orders (number_index, id);
CREATE INDEX orders_by_carrier ON orders (carrier_id, id);
CREATE INDEX orders_by_reference ON orders (carrier_id, reference)
    WHERE reference IS NOT NULL;
CREATE INDEX orders_open_by_deadline ON orders (deadline) WHERE status IN (1, 2);
CREATE INDEX orders_held ON orders (held_until) WHERE status = 1;
CREATE TABLE items (
    order_id uuid NOT NULL,
    platform_id integer NOT NULL,
    status smallint NOT NULL
        CHECK (status IN (1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22)),
    attempts smallint NOT NULL,
    late boolean NOT NULL,
    reason smallint,
    holder_action smallint,
    bindings integer,
    removed integer,
    kept integer,
    acknowledged_at timestamptz,
    finished_at timestamptz,
    last_bound_at timestamptz,
    restorable_until timestamptz,
    expected_at timestamptz,
    cooling_off_until timestamptz,
    action_url text,
    detail text,
    PRIMARY KEY (order_id, platform_id),
    CONSTRAINT items_final_has_time CHECK ((status >= 10) = (finished_at IS NOT NULL))
) PARTITION BY RANGE (order_id);
CREATE TABLE order_log (
    xid bigint NOT NULL,
    order_id uuid NOT NULL,
    PRIMARY KEY (xid, order_id)
);
CREATE TABLE idempotency (
    carrier_id integer NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    location text,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (carrier_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at)
"""

DELIVERY = """
CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id integer NOT NULL,
    due_at timestamptz NOT NULL,
    event smallint NOT NULL,
    order_id uuid NOT NULL,
    attempt smallint NOT NULL,
    CONSTRAINT deliveries_subject UNIQUE (endpoint_id, event, order_id)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, id);
CREATE TABLE attempts (
    id uuid PRIMARY KEY,
    endpoint_id integer NOT NULL,
    event smallint NOT NULL,
    order_ids uuid[] NOT NULL,
    webhook_id text NOT NULL,
    body_sha256 bytea NOT NULL,
    started_at timestamptz NOT NULL,
    outcome smallint NOT NULL,
    status_code smallint,
    dns_ms integer,
    connect_ms integer,
    first_byte_ms integer,
    total_ms integer NOT NULL,
    error text,
    answer_head text
) PARTITION BY RANGE (id);
CREATE INDEX attempts_by_endpoint ON attempts (endpoint_id, id);
CREATE TABLE evidence (
    platform_id integer NOT NULL,
    webhook_id text NOT NULL,
    received_at timestamptz NOT NULL,
    webhook_timestamp text NOT NULL,
    webhook_signature text NOT NULL,
    public_key text NOT NULL,
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (platform_id, webhook_id)
)
"""

AUDIT = """
CREATE TABLE audit_events (
    id uuid PRIMARY KEY,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    order_id uuid,
    number_index bytea,
    facts jsonb NOT NULL
);
CREATE INDEX audit_events_by_xid ON audit_events (xid, id);
CREATE INDEX audit_events_by_order ON audit_events (order_id)
    WHERE order_id IS NOT NULL
"""

# A month is the range of UUIDv7 values whose leading 48 bits, milliseconds since 1970,
# fall into it. A new partition is built aside and attached, because attaching locks out
# neither readers nor writers of the parent; creating it in place would.
UUID7_FLOOR = """
CREATE FUNCTION uuid7_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$
"""

ENSURE_MONTHS = """
CREATE FUNCTION ensure_months(first timestamptz, months integer) RETURNS integer
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    month timestamptz;
    part text;
    made integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['orders', 'items', 'attempts'] LOOP
        FOR ahead IN 0 .. months LOOP
            month := date_trunc('month', first) + make_interval(months => ahead);
            part := parent || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = %s)',
                part, parent, CASE parent WHEN 'attempts' THEN 100 ELSE 80 END);
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
    for script in (REGISTRY, ORDERS, DELIVERY, AUDIT):
        for statement in script.split(";\n"):
            op.execute(statement)
    op.execute(UUID7_FLOOR)
    op.execute(ENSURE_MONTHS)
    op.execute("SELECT ensure_months(now(), 3)")


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: orders must not be lost")
