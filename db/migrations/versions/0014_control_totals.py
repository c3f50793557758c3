"""What producers say they sent: control totals per source and hour, and the events that are missing by them."""

from alembic import op

revision = "0014_control_totals"
down_revision = "0013_traces"

UP = """
CREATE TABLE metering.control_totals (
    tenant uuid NOT NULL,
    source text NOT NULL,
    hour timestamptz NOT NULL CHECK (date_trunc('hour', hour, 'UTC') = hour),
    -- Who counted, where several count events of one source; what they say adds up.
    producer text NOT NULL,
    revision int NOT NULL CHECK (revision > 0),
    events bigint NOT NULL CHECK (events >= 0),
    -- The ids in 8 bytes (control_totals/model.py); NULL when the producer sends counts only.
    digest bigint,
    actor text NOT NULL CHECK (actor <> ''),
    sent_at timestamptz NOT NULL,
    PRIMARY KEY (hour, tenant, source, producer, revision)
);
CREATE INDEX control_totals_sent ON metering.control_totals (sent_at);
CREATE TRIGGER control_totals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.control_totals
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Events that a producer counts and we had not stored in that hour when it listed its ids, or the other way round.
CREATE TABLE metering.control_findings (
    hour timestamptz NOT NULL CHECK (date_trunc('hour', hour, 'UTC') = hour),
    tenant uuid NOT NULL,
    source text NOT NULL,
    producer text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('missing', 'unexpected')),
    found_at timestamptz NOT NULL,
    PRIMARY KEY (hour, tenant, source, producer, event_id, kind)
);
CREATE TRIGGER control_findings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.control_findings
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE metering.control_findings, metering.control_totals;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
