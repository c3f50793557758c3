"""What happened to one customer is found by the customer: facts, mails, and what was done about unpaid invoices."""

from alembic import op

revision = "0034_timeline"
down_revision = "0033_addons"

UP = """
CREATE INDEX facts_of_customer ON kit.facts ((payload ->> 'customer_id'), recorded_at DESC, id DESC)
    WHERE payload ->> 'customer_id' IS NOT NULL AND name NOT IN ('PeriodOpened', 'PeriodCut', 'CreditsFell');
CREATE INDEX mails_of_recipient ON kit.mails (recipient, created_at DESC, id DESC);
CREATE INDEX dunnings_of_anybody ON billing.dunnings (customer_id);
"""

DOWN = """
DROP INDEX billing.dunnings_of_anybody;
DROP INDEX kit.mails_of_recipient;
DROP INDEX kit.facts_of_customer;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
