"""The last closed periods of a customer are found without reading all, and so is what was closed lately."""

from alembic import op

revision = "0025_closings_of_payer"
down_revision = "0024_audits"

UP = """
CREATE INDEX closings_of_payer ON billing.closings (customer_id, currency, period_end DESC);
CREATE INDEX closings_newest ON billing.closings (closed_at);
"""
DOWN = """
DROP INDEX billing.closings_newest;
DROP INDEX billing.closings_of_payer;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
