"""A payment knows what its gateway keeps of it, and the sandbox keeps something, as gateways do."""

from alembic import op

revision = "0039_gateway_fees"
down_revision = "0038_redemption_keys"

UP = """
ALTER TABLE payments.payments
    ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0);
ALTER TABLE sandbox.charges
    ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0);
"""

DOWN = """
ALTER TABLE sandbox.charges DROP COLUMN fee_minor;
ALTER TABLE payments.payments DROP COLUMN fee_minor;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
