"""A closing writes no index entry that nobody looks for: usage is found by its period, closings by their payer."""

from alembic import op

revision = "0035_fewer_indexes"
down_revision = "0034_timeline"

UP = """
DROP INDEX billing.rated_usage_of_customer;
DROP INDEX billing.closings_of_subscription;
"""

DOWN = """
CREATE INDEX closings_of_subscription ON billing.closings (subscription_id, period_end DESC);
CREATE INDEX rated_usage_of_customer ON billing.rated_usage (customer_id, period_end DESC);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
