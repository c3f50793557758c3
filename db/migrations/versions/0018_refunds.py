"""Payments go back in parts."""

from alembic import op

revision = "0018_refunds"
down_revision = "0017_reverts"

UP = """
ALTER TABLE payments.payments
    -- What the gateway says has gone back, and what it was asked to send back.
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN refund_asked_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT payments_refunded CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    ADD CONSTRAINT payments_refund_asked CHECK (refund_asked_minor BETWEEN 0 AND amount_minor);
UPDATE payments.payments SET refunded_minor = amount_minor WHERE status = 'refunded';

CREATE TABLE payments.refunds (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments.payments,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reference text NOT NULL UNIQUE CHECK (reference <> ''),
    requested_at timestamptz NOT NULL
);
CREATE INDEX refunds_of_payment ON payments.refunds (payment_id);
CREATE TRIGGER refunds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.refunds
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Refunds that are asked for at once wait for each other at the payment's row, whose check refuses one too many.
CREATE FUNCTION payments.add_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments.payments SET refund_asked_minor = refund_asked_minor + NEW.amount_minor
        WHERE id = NEW.payment_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER refunds_add AFTER INSERT ON payments.refunds
    FOR EACH ROW EXECUTE FUNCTION payments.add_refund();

ALTER TABLE sandbox.charges
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT charges_refunded CHECK (refunded_minor BETWEEN 0 AND amount_minor);
UPDATE sandbox.charges SET refunded_minor = amount_minor WHERE status = 'refunded';
CREATE TABLE sandbox.refunds (
    idempotency_key text PRIMARY KEY,
    charge_id text NOT NULL REFERENCES sandbox.charges,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    created_at timestamptz NOT NULL
);
"""

DOWN = """
DROP TABLE sandbox.refunds;
ALTER TABLE sandbox.charges DROP COLUMN refunded_minor;
DROP TABLE payments.refunds;
DROP FUNCTION payments.add_refund();
ALTER TABLE payments.payments DROP COLUMN refunded_minor, DROP COLUMN refund_asked_minor;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
