"""What a coupon or a correction takes off whole is an invoice all the same, so that its lines are there to be read."""

from alembic import op

revision = "0030_invoices_of_zero"
down_revision = "0029_recognitions"

UP = """
ALTER TABLE billing.invoices DROP CONSTRAINT invoices_total_minor_check,
    ADD CONSTRAINT invoices_total_minor_check CHECK (total_minor >= 0);
"""

DOWN = """
ALTER TABLE billing.invoices DROP CONSTRAINT invoices_total_minor_check,
    ADD CONSTRAINT invoices_total_minor_check CHECK (total_minor > 0);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
