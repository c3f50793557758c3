"""The tables of metering."""

from alembic import op

revision = "0004_metering"
down_revision = "0003_catalog"

UP = """
CREATE SCHEMA metering;

CREATE TABLE metering.meters (
    key text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    event_type text NOT NULL,
    aggregation text NOT NULL CHECK (aggregation IN ('count', 'sum')),
    value_path text[] NOT NULL,
    changed_at timestamptz NOT NULL,
    CHECK ((aggregation = 'count') = (cardinality(value_path) = 0))
);

-- Identity has no window: the primary key is the promise that nothing counts twice. No foreign key to customers, on
-- purpose: it would cost a lookup per event; rollups, which are what is billed, have it.
CREATE TABLE metering.events (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    customer_id uuid,
    occurred_at timestamptz NOT NULL,
    timed boolean NOT NULL,
    batch_id uuid NOT NULL,
    data json NOT NULL,
    extensions json,
    CONSTRAINT events_identity PRIMARY KEY (tenant, source, event_id)
);
CREATE INDEX events_customer_time ON metering.events (customer_id, occurred_at);
CREATE INDEX events_time ON metering.events (occurred_at);
CREATE INDEX events_unclaimed ON metering.events (subject) WHERE customer_id IS NULL;
CREATE TRIGGER events_append_only
    BEFORE DELETE OR TRUNCATE OR UPDATE OF
    tenant, source, event_id, type, subject, occurred_at, timed, batch_id, data, extensions ON metering.events
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
-- The one thing that may be added later, once: whose event it is.
CREATE TRIGGER events_claimed_once BEFORE UPDATE OF customer_id ON metering.events
    FOR EACH ROW WHEN (OLD.customer_id IS NOT NULL) EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE metering.batches (
    id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    accepted integer NOT NULL CHECK (accepted >= 0),
    duplicates integer NOT NULL CHECK (duplicates >= 0),
    conflicts integer NOT NULL CHECK (conflicts >= 0),
    rejected integer NOT NULL CHECK (rejected >= 0)
);
CREATE INDEX batches_received ON metering.batches (received_at);
CREATE TRIGGER batches_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.batches
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Dimensions are empty until meters can group.
CREATE TABLE metering.rollups (
    meter text NOT NULL REFERENCES metering.meters (key),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    hour timestamptz NOT NULL CHECK (date_trunc('hour', hour, 'UTC') = hour),
    dimensions text NOT NULL DEFAULT '',
    quantity numeric NOT NULL,
    events bigint NOT NULL CHECK (events > 0),
    PRIMARY KEY (customer_id, meter, hour, dimensions)
) WITH (fillfactor = 70);
CREATE INDEX rollups_meter ON metering.rollups (meter);

CREATE TABLE metering.conflicts (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    digest bytea NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    occurred_at timestamptz,
    data json NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, source, event_id, digest)
);

CREATE TABLE metering.rejected_events (
    tenant uuid NOT NULL,
    digest bytea NOT NULL,
    event_id text,
    field text NOT NULL,
    rule text NOT NULL,
    body bytea NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, digest)
);
CREATE INDEX rejected_events_last ON metering.rejected_events (last_received_at);

CREATE TABLE metering.unmetered_types (
    type text PRIMARY KEY,
    events bigint NOT NULL CHECK (events > 0),
    last_seen_at timestamptz NOT NULL
);

CREATE TABLE metering.imports (
    digest bytea PRIMARY KEY,
    file_name text NOT NULL,
    next_row bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    conflicts bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

-- What one event adds to one meter, or NULL: the rule of `measure.py`.
CREATE FUNCTION metering.measured(aggregation text, value_path text[], data json) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN aggregation = 'count' THEN 1 ELSE (
    SELECT value
    FROM (SELECT CASE json_typeof(data #> value_path) WHEN 'number' THEN (data #>> value_path)::numeric END AS value)
    WHERE value >= 0 AND value < 1e18 AND scale(value) <= 12
) END;

-- Ingest shares this lock; a change of the meters takes it alone. A function, because only its second statement sees
-- what was committed while the first one waited.
CREATE FUNCTION metering.enter_ingest() RETURNS SETOF metering.meters LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4, 1);
    RETURN QUERY SELECT * FROM metering.meters ORDER BY key;
END
$$;
"""

DOWN = """
DROP SCHEMA metering CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
