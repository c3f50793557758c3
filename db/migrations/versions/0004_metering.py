"""The tables of metering."""

from alembic import op

revision = "0004_metering"
down_revision = "0003_catalog"

UP = """
CREATE SCHEMA metering;
"""

DOWN = """
DROP SCHEMA metering CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
