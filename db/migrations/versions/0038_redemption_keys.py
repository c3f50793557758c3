"""Who redeems a code twice with the same key, has the coupon once."""

from alembic import op

revision = "0038_redemption_keys"
down_revision = "0037_corrected_customer"

UP = """
ALTER TABLE billing.redemptions
    ADD COLUMN key text CHECK (key <> '' AND length(key) <= 120),
    ADD CONSTRAINT redemptions_customer_key UNIQUE (customer_id, key);
"""

DOWN = """
ALTER TABLE billing.redemptions DROP COLUMN key;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
