"""The tables of accounts."""

from alembic import op

revision = "0002_accounts"
down_revision = "0001_kit"

UP = """
CREATE SCHEMA accounts;
"""

DOWN = """
DROP SCHEMA accounts CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
