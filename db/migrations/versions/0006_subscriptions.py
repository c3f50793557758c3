"""The tables of subscriptions."""

from alembic import op

revision = "0006_subscriptions"
down_revision = "0005_ledger"

UP = """
CREATE SCHEMA subscriptions;
"""

DOWN = """
DROP SCHEMA subscriptions CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
