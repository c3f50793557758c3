"""Who asks twice for the same credit note, with the same key, gets one."""

from alembic import op

revision = "0036_credit_note_keys"
down_revision = "0035_fewer_indexes"

UP = """
ALTER TABLE billing.credit_notes
    ADD COLUMN key text CHECK (key <> '' AND length(key) <= 120),
    ADD CONSTRAINT credit_notes_invoice_key UNIQUE (invoice_id, key);
"""

DOWN = """
ALTER TABLE billing.credit_notes DROP COLUMN key;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
