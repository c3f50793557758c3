"""What becomes of rejected and conflicting events: repaired and replayed, discarded, dismissed, amended."""

from alembic import op

revision = "0010_repairs"
down_revision = "0009_holds"

UP = """
-- The ids are what an address can carry; they follow from the primary keys. `status` is what the partial indexes
-- below need; what happened, by whom and why is in the append-only tables.
ALTER TABLE metering.rejected_events
    ADD COLUMN id uuid NOT NULL
        GENERATED ALWAYS AS (encode(substring(sha256(uuid_send(tenant) || digest) FOR 16), 'hex')::uuid) STORED,
    ADD COLUMN status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replayed', 'discarded'));
CREATE INDEX rejected_events_id ON metering.rejected_events (id);
CREATE INDEX rejected_events_status ON metering.rejected_events (status, last_received_at, id);
CREATE INDEX rejected_events_tenant ON metering.rejected_events (tenant, status, last_received_at, id);
CREATE INDEX rejected_events_rule ON metering.rejected_events (field, rule, id) WHERE status = 'open';
CREATE INDEX rejected_events_tenant_rule ON metering.rejected_events (tenant, field, rule, id)
    WHERE status = 'open';
CREATE INDEX rejected_events_event ON metering.rejected_events (event_id, tenant);

-- The primary key is the promise that a rejected event is replayed once.
CREATE TABLE metering.repairs (
    tenant uuid NOT NULL,
    digest bytea NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('replayed', 'discarded')),
    source text,
    event_id text,
    -- What was sent in place of the kept body; nothing when that was sent as it is.
    body bytea,
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    repaired_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest),
    FOREIGN KEY (tenant, digest) REFERENCES metering.rejected_events (tenant, digest),
    CHECK ((outcome = 'replayed') = (source IS NOT NULL) AND (source IS NULL) = (event_id IS NULL)),
    CHECK (body IS NULL OR outcome = 'replayed')
);
CREATE INDEX repairs_event ON metering.repairs (tenant, source, event_id) WHERE outcome = 'replayed';
CREATE TRIGGER repairs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.repairs
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Without the extension attributes an amendment from a conflict would lose them.
ALTER TABLE metering.conflicts
    ADD COLUMN id uuid NOT NULL GENERATED ALWAYS AS
        (md5(tenant::text || encode(digest, 'hex') || source || chr(31) || event_id)::uuid) STORED,
    ADD COLUMN extensions json,
    ADD COLUMN status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'dismissed', 'amended'));
CREATE INDEX conflicts_id ON metering.conflicts (id);
CREATE INDEX conflicts_event ON metering.conflicts (event_id, tenant);
CREATE INDEX conflicts_status ON metering.conflicts (status, received_at, id);
CREATE INDEX conflicts_tenant ON metering.conflicts (tenant, status, received_at, id);

CREATE TABLE metering.conflict_decisions (
    tenant uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    digest bytea NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('dismissed', 'amended')),
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, source, event_id, digest),
    FOREIGN KEY (tenant, source, event_id, digest)
        REFERENCES metering.conflicts (tenant, source, event_id, digest)
);
CREATE TRIGGER conflict_decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.conflict_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE metering.conflict_decisions;
DROP TABLE metering.repairs;
ALTER TABLE metering.conflicts DROP COLUMN id, DROP COLUMN extensions, DROP COLUMN status;
ALTER TABLE metering.rejected_events DROP COLUMN id, DROP COLUMN status;
DROP INDEX metering.rejected_events_event;
DROP INDEX metering.conflicts_event;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
