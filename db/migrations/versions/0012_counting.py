"""Meters of every aggregation, filtered and grouped; corrections of events; rebuilds in the background."""

from alembic import op

revision = "0012_counting"
down_revision = "0011_backfills"

UP = """
ALTER TABLE metering.meters
    DROP CONSTRAINT meters_aggregation_check,
    DROP CONSTRAINT meters_check,
    ADD CONSTRAINT meters_aggregation_check
        CHECK (aggregation IN ('count', 'sum', 'max', 'min', 'latest', 'unique', 'time_weighted')),
    ADD CONSTRAINT meters_value_path_check CHECK ((aggregation = 'count') = (cardinality(value_path) = 0)),
    ADD COLUMN filter json,
    -- Names and paths: {"model": "usage.model"}.
    ADD COLUMN group_by json,
    -- The rollups that are read: NULL means the key. A rebuild counts under a name of its own and then changes this.
    ADD COLUMN series text;

-- A rollup belongs to a series, which may be one that is still being counted.
ALTER TABLE metering.rollups
    DROP CONSTRAINT rollups_meter_fkey,
    -- Of the newest event, for `latest` and `time_weighted`; the key breaks ties and is `source`, chr(31), `id`.
    ADD COLUMN first_at timestamptz,
    ADD COLUMN last_at timestamptz,
    ADD COLUMN last_key text COLLATE "C",
    ADD COLUMN last_value numeric;

-- The values that a `unique` meter saw, by digest: a quantity over many hours counts each once.
CREATE TABLE metering.unique_values (
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamptz NOT NULL CHECK (date_trunc('hour', hour, 'UTC') = hour),
    dimensions text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 16),
    PRIMARY KEY (customer_id, meter, hour, dimensions, digest)
);
CREATE INDEX unique_values_meter ON metering.unique_values (meter);

-- Ids of batches are ordered by time, and so is the heap: a block range index finds the events of a batch.
CREATE INDEX events_batch ON metering.events USING brin (batch_id) WITH (pages_per_range = 32);

CREATE TABLE metering.corrections (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    revision int NOT NULL CHECK (revision > 0),
    kind text NOT NULL CHECK (kind IN ('void', 'amend')),
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (reason <> '' AND length(reason) <= 500),
    corrected_at timestamptz NOT NULL,
    -- Corrections that were made together, and whose effect is one record: metering.adjustments.
    call_id uuid NOT NULL,
    -- What an amended event says from now on; it counts for this customer.
    type text,
    subject text,
    customer_id uuid,
    occurred_at timestamptz,
    data json,
    PRIMARY KEY (tenant, source, event_id, revision),
    FOREIGN KEY (tenant, source, event_id) REFERENCES metering.events (tenant, source, event_id),
    CHECK ((kind = 'amend') = (type IS NOT NULL)),
    CHECK ((type IS NULL) = (subject IS NULL) AND (type IS NULL) = (customer_id IS NULL)
        AND (type IS NULL) = (occurred_at IS NULL) AND (type IS NULL) = (data IS NULL))
);
CREATE INDEX corrections_customer_time ON metering.corrections (customer_id, occurred_at) WHERE kind = 'amend';
CREATE INDEX corrections_at ON metering.corrections (corrected_at);
CREATE INDEX corrections_call ON metering.corrections (call_id);
CREATE TRIGGER corrections_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.corrections
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- What counts now: every event as it came, or as it was amended last; without those that were voided.
CREATE VIEW metering.counted_events AS
SELECT tenant, source, event_id, type, subject, customer_id, occurred_at, data, batch_id
FROM metering.events AS event
WHERE NOT EXISTS (
    SELECT FROM metering.corrections AS correction
    WHERE correction.tenant = event.tenant AND correction.source = event.source AND correction.event_id = event.event_id
)
UNION ALL
SELECT amended.tenant, amended.source, amended.event_id, amended.type, amended.subject, amended.customer_id,
    amended.occurred_at, amended.data, event.batch_id
FROM metering.corrections AS amended JOIN metering.events AS event USING (tenant, source, event_id)
WHERE amended.kind = 'amend' AND NOT EXISTS (
    SELECT FROM metering.corrections AS newer
    WHERE newer.tenant = amended.tenant AND newer.source = amended.source AND newer.event_id = amended.event_id
        AND newer.revision > amended.revision
);

-- What the corrections of one call changed: the record that an adjustment line on an invoice points to.
CREATE TABLE metering.adjustments (
    call_id uuid NOT NULL,
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    dimensions text NOT NULL,
    before numeric NOT NULL,
    after numeric NOT NULL,
    adjusted_at timestamptz NOT NULL,
    PRIMARY KEY (call_id, meter, customer_id, hour, dimensions),
    CHECK (before <> after)
);
CREATE INDEX adjustments_customer ON metering.adjustments (customer_id, adjusted_at);
CREATE TRIGGER adjustments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.adjustments
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE metering.rebuilds (
    series text PRIMARY KEY,
    key text NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    event_type text NOT NULL,
    aggregation text NOT NULL,
    value_path text[] NOT NULL,
    filter json,
    group_by json,
    state text NOT NULL CHECK (state IN ('building', 'done', 'replaced')),
    events_total bigint NOT NULL CHECK (events_total >= 0),
    events_done bigint NOT NULL DEFAULT 0 CHECK (events_done >= 0),
    -- Every event before this customer and hour has been counted.
    next_customer uuid,
    next_hour timestamptz,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((state = 'building') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX rebuilds_building ON metering.rebuilds (key) WHERE state = 'building';

-- Hours that changed while a series is being built: they are counted again before anybody reads it.
CREATE TABLE metering.stale_hours (
    series text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    marks bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (series, customer_id, hour)
);

CREATE FUNCTION metering.enter_counting()
RETURNS TABLE (series text, is_building boolean, key text, name text, unit text, event_type text, aggregation text,
    value_path text[], filter text, group_by text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4, 1);
    RETURN QUERY
        SELECT coalesce(meter.series, meter.key), false, meter.key, meter.name, meter.unit, meter.event_type,
            meter.aggregation, meter.value_path, coalesce(meter.filter::text, ''), coalesce(meter.group_by::text, '')
        FROM metering.meters AS meter
        UNION ALL
        SELECT rebuild.series, true, rebuild.key, rebuild.name, rebuild.unit, rebuild.event_type, rebuild.aggregation,
            rebuild.value_path, coalesce(rebuild.filter::text, ''), coalesce(rebuild.group_by::text, '')
        FROM metering.rebuilds AS rebuild WHERE rebuild.state = 'building'
        ORDER BY 3, 2;
END
$$;
"""

DOWN = """
DROP FUNCTION metering.enter_counting();
DROP TABLE metering.stale_hours, metering.rebuilds, metering.adjustments;
DROP VIEW metering.counted_events;
DROP TABLE metering.corrections, metering.unique_values;
DROP INDEX metering.events_batch;
-- What the release before can't count goes with it; its meters are applied and counted again.
DELETE FROM metering.rollups
WHERE dimensions <> '' OR meter NOT IN (SELECT key FROM metering.meters WHERE series IS NULL);
DELETE FROM metering.rollups
USING metering.meters AS meter
WHERE rollups.meter = meter.key
    AND (meter.filter IS NOT NULL OR meter.group_by IS NOT NULL OR meter.aggregation NOT IN ('count', 'sum'));
DELETE FROM metering.meters
WHERE filter IS NOT NULL OR group_by IS NOT NULL OR series IS NOT NULL OR aggregation NOT IN ('count', 'sum');
ALTER TABLE metering.rollups
    DROP COLUMN first_at, DROP COLUMN last_at, DROP COLUMN last_key, DROP COLUMN last_value,
    ADD CONSTRAINT rollups_meter_fkey FOREIGN KEY (meter) REFERENCES metering.meters (key);
ALTER TABLE metering.meters
    DROP COLUMN filter, DROP COLUMN group_by, DROP COLUMN series,
    DROP CONSTRAINT meters_aggregation_check,
    DROP CONSTRAINT meters_value_path_check,
    ADD CONSTRAINT meters_aggregation_check CHECK (aggregation = ANY (ARRAY['count', 'sum'])),
    ADD CONSTRAINT meters_check CHECK ((aggregation = 'count') = (cardinality(value_path) = 0));
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
