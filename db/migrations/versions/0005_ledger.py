"""The tables of ledger."""

from alembic import op

revision = "0005_ledger"
down_revision = "0004_metering"

UP = """
CREATE SCHEMA ledger;
"""

DOWN = """
DROP SCHEMA ledger CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
