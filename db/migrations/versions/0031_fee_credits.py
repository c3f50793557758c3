"""A fee is given back once: what a change took off for its unused time, no credit note takes back again."""

from alembic import op

revision = "0031_fee_credits"
down_revision = "0030_invoices_of_zero"

UP = """
-- What changes of plan gave back of a fee's line, less what credit notes on those changes took back of it.
CREATE FUNCTION billing.given_back(fee_line uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(-l.amount_minor + COALESCE((SELECT sum(n.amount_minor) FROM billing.credit_note_lines n
            WHERE n.invoice_line_id = l.id), 0)), 0)::bigint
    FROM billing.period_fees f
    JOIN billing.pending_changes c ON c.period_id = f.period_id AND c.status = 'applied'
    JOIN billing.invoice_lines l ON l.invoice_id = c.invoice_id AND l.kind = 'proration_credit'
    WHERE f.line_id = fee_line
$$;

CREATE OR REPLACE FUNCTION billing.forbid_too_much_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Of two that give back of one fee, the second waits for the first and counts it.
    PERFORM FROM billing.period_fees WHERE period_id = NEW.period_id FOR UPDATE;
    -- A quote may be older than a credit note; it counts when it is applied.
    IF NEW.status = 'applied' AND NEW.credit_minor > COALESCE((SELECT l.amount_minor - COALESCE((
                SELECT sum(n.amount_minor) FROM billing.credit_note_lines n WHERE n.invoice_line_id = l.id), 0)
            FROM billing.period_fees f JOIN billing.invoice_lines l ON l.id = f.line_id
            WHERE f.period_id = NEW.period_id), 0) THEN
        RAISE EXCEPTION 'change % gives back more than is left of the fee of its period', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION billing.forbid_credit_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM billing.period_fees WHERE line_id = NEW.invoice_line_id FOR UPDATE;
    IF EXISTS (SELECT FROM billing.invoice_lines l WHERE l.id = NEW.invoice_line_id AND l.kind = 'flat_fee'
        AND l.amount_minor < NEW.amount_minor + billing.given_back(l.id) + COALESCE((
            SELECT sum(n.amount_minor) FROM billing.credit_note_lines n WHERE n.invoice_line_id = l.id), 0)) THEN
        RAISE EXCEPTION 'fee % was given back in part by a change of plan', NEW.invoice_line_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_lines_once BEFORE INSERT ON billing.credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION billing.forbid_credit_twice();
"""

DOWN = """
DROP TRIGGER credit_note_lines_once ON billing.credit_note_lines;
DROP FUNCTION billing.forbid_credit_twice();

CREATE OR REPLACE FUNCTION billing.forbid_too_much_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.credit_minor > COALESCE((SELECT l.amount_minor FROM billing.period_fees f
            JOIN billing.invoice_lines l ON l.id = f.line_id WHERE f.period_id = NEW.period_id), 0) THEN
        RAISE EXCEPTION 'change % gives back more than the fee of its period', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
DROP FUNCTION billing.given_back(uuid);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
