"""Spans of traces, so that each model call counts once in whatever order its spans arrive."""

from alembic import op

revision = "0013_traces"
down_revision = "0012_counting"

UP = """
CREATE TABLE metering.traces (
    tenant uuid NOT NULL,
    trace_id uuid NOT NULL,
    last_seen_at timestamptz NOT NULL,
    has_usage boolean NOT NULL,
    spans int NOT NULL DEFAULT 0 CHECK (spans >= 0),
    PRIMARY KEY (tenant, trace_id)
);
-- Those in which nothing reports usage are forgotten after a while.
CREATE INDEX traces_without_usage ON metering.traces (last_seen_at) WHERE NOT has_usage;

CREATE TABLE metering.spans (
    tenant uuid NOT NULL,
    trace_id uuid NOT NULL,
    span_id text NOT NULL CHECK (span_id ~ '^[0-9a-f]{16}$'),
    -- Empty at the root.
    parent_id text NOT NULL CHECK (parent_id ~ '^([0-9a-f]{16})?$'),
    role text NOT NULL CHECK (role IN ('call', 'tool', 'sum', 'other')),
    started_us bigint NOT NULL,
    ended_us bigint NOT NULL,
    -- The use that the span reports, as an event.
    event json,
    state text NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'repeated', 'counted', 'rejected')),
    -- How often it was taken back: what counts again afterwards is another event.
    revision int NOT NULL DEFAULT 0 CHECK (revision >= 0),
    PRIMARY KEY (tenant, trace_id, span_id),
    FOREIGN KEY (tenant, trace_id) REFERENCES metering.traces (tenant, trace_id) ON DELETE CASCADE,
    CHECK (event IS NOT NULL OR state = 'none')
);
"""

DOWN = """
DROP TABLE metering.spans;
DROP TABLE metering.traces;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
