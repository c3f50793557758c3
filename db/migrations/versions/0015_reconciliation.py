"""Reports of reconciliations, and what they repaired: evidence, written once."""

from alembic import op

revision = "0015_reconciliation"
down_revision = "0014_control_totals"

UP = """
CREATE TABLE metering.reconciliations (
    id uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor <> ''),
    -- NULL: everything was compared.
    since timestamptz,
    until timestamptz NOT NULL,
    differences bigint NOT NULL CHECK (differences >= 0),
    repaired bigint NOT NULL CHECK (repaired >= 0),
    -- The SHA-256 of the document, which is kept as text so that it stays the same bytes.
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    document text NOT NULL
);
CREATE TRIGGER reconciliations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.reconciliations
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- What the repair of a reconciliation changed. Written before its report, which is why no key points there.
CREATE TABLE metering.rollup_repairs (
    reconciliation_id uuid NOT NULL,
    meter text NOT NULL,
    customer_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    dimensions text NOT NULL,
    before numeric,
    after numeric,
    actor text NOT NULL CHECK (actor <> ''),
    repaired_at timestamptz NOT NULL,
    PRIMARY KEY (reconciliation_id, meter, customer_id, hour, dimensions)
);
CREATE TRIGGER rollup_repairs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metering.rollup_repairs
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE metering.rollup_repairs, metering.reconciliations;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
