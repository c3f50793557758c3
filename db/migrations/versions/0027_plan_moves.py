"""Subscribers are moved to another version of their plan: announced once, to each."""

from alembic import op

revision = "0027_plan_moves"
down_revision = "0026_coupons"

UP = """
CREATE TABLE billing.plan_moves (
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    from_plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    to_plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    moves_at timestamptz NOT NULL,
    actor text NOT NULL,
    announced_at timestamptz NOT NULL CHECK (announced_at <= moves_at),
    PRIMARY KEY (subscription_id, to_plan_version_id),
    CHECK (from_plan_version_id <> to_plan_version_id)
);
CREATE TRIGGER plan_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.plan_moves
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE billing.plan_moves;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
