"""Backfills are taken back as a whole: their corrections name them."""

from alembic import op

revision = "0017_reverts"
down_revision = "0016_price_models"

UP = """
-- The backfill that was reverted (void), or that brought the event in again (amend).
ALTER TABLE metering.corrections ADD COLUMN backfill_id uuid REFERENCES metering.backfills (id);
CREATE INDEX corrections_backfill ON metering.corrections (backfill_id) WHERE backfill_id IS NOT NULL;
"""

DOWN = """
ALTER TABLE metering.corrections DROP COLUMN backfill_id;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
