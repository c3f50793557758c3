"""A correction says whose usage it changes, so that a customer's past has it."""

from alembic import op

revision = "0037_corrected_customer"
down_revision = "0036_credit_note_keys"

# An amendment's own `customer_id` is who it counts for from then on; an event may move from one customer to another.
UP = """
ALTER TABLE metering.corrections ADD COLUMN was_customer_id uuid;
ALTER TABLE metering.corrections DISABLE TRIGGER corrections_append_only;
UPDATE metering.corrections AS correction
SET was_customer_id = coalesce((
    SELECT before.customer_id FROM metering.corrections AS before
    WHERE (before.tenant, before.source, before.event_id)
            = (correction.tenant, correction.source, correction.event_id)
        AND before.revision < correction.revision AND before.kind = 'amend'
    ORDER BY before.revision DESC LIMIT 1
), event.customer_id)
FROM metering.events AS event
WHERE (event.tenant, event.source, event.event_id) = (correction.tenant, correction.source, correction.event_id);
ALTER TABLE metering.corrections ENABLE TRIGGER corrections_append_only;
CREATE INDEX corrections_was_customer ON metering.corrections (was_customer_id, corrected_at);
CREATE INDEX corrections_is_customer ON metering.corrections (customer_id, corrected_at)
    WHERE customer_id <> was_customer_id OR was_customer_id IS NULL;
"""

DOWN = """
DROP INDEX metering.corrections_is_customer;
DROP INDEX metering.corrections_was_customer;
ALTER TABLE metering.corrections DROP COLUMN was_customer_id;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
