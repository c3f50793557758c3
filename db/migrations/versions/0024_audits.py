"""Reports of audits: evidence, written once."""

from alembic import op

revision = "0024_audits"
down_revision = "0023_closings"

UP = """
CREATE TABLE billing.audits (
    id uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor <> ''),
    compared bigint NOT NULL CHECK (compared >= 0),
    findings bigint NOT NULL CHECK (findings >= 0),
    cents bigint NOT NULL CHECK (cents >= 0),
    -- The SHA-256 of the document, which is kept as text so that it stays the same bytes.
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    document text NOT NULL
);
CREATE INDEX audits_newest ON billing.audits (began_at DESC, id DESC);
CREATE TRIGGER audits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.audits
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE billing.audits;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
