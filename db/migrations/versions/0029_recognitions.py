"""What the books were brought up to, day by day, of fees that are earned over their days."""

from alembic import op

revision = "0029_recognitions"
down_revision = "0028_dunning"

UP = """
CREATE TABLE billing.recognitions (
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- From the end of the step before it, until before this day.
    since date NOT NULL,
    until date NOT NULL CHECK (until > since),
    added_minor bigint NOT NULL,
    earned_minor bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK (added_minor <> 0 OR earned_minor <> 0),
    -- One chain a currency: two steps that begin alike would count the same days twice.
    PRIMARY KEY (currency, until),
    UNIQUE (currency, since)
);
CREATE TRIGGER recognitions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.recognitions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE billing.recognitions;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
