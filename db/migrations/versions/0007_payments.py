"""The tables of payments."""

from alembic import op

revision = "0007_payments"
down_revision = "0006_subscriptions"

UP = """
CREATE SCHEMA payments;
"""

DOWN = """
DROP SCHEMA payments CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
