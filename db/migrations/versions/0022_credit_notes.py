"""Credit notes, voids and write-offs."""

from alembic import op

revision = "0022_credit_notes"
down_revision = "0021_lifecycle"

KEEP_INVOICE = """
CREATE OR REPLACE FUNCTION billing.keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid_minor', 'paid_at', 'voided_at', 'refunded_at', 'disputed_at'{more}];
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'invoices are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> NEW.status AND (OLD.status || '>' || NEW.status) NOT IN (
        'draft>open', 'draft>void', 'open>paid', 'open>void', 'open>uncollectible', 'uncollectible>paid'
    ) THEN
        RAISE EXCEPTION 'an invoice can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' AND to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable THEN
        RAISE EXCEPTION 'invoice % is final: a correction is a new document', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.amount_paid_minor < OLD.amount_paid_minor
        OR (OLD.paid_at IS NOT NULL AND NEW.paid_at IS DISTINCT FROM OLD.paid_at)
        OR (OLD.refunded_at IS NOT NULL AND NEW.refunded_at IS DISTINCT FROM OLD.refunded_at)
        OR (OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS DISTINCT FROM OLD.disputed_at)
    THEN
        RAISE EXCEPTION 'payment of invoice % only moves forward', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;{rules}
    RETURN NEW;
END
$$;
"""

MORE = """,
        'credited_minor', 'credited_tax_minor', 'credited_due_minor', 'void_reason', 'written_off_at',
        'write_off_reason'"""
RULES = """
    -- Depth 2 is the trigger of the credit notes: nothing else says what they sum up to.
    IF pg_trigger_depth() < 2 AND (NEW.credited_minor, NEW.credited_tax_minor, NEW.credited_due_minor)
        IS DISTINCT FROM (OLD.credited_minor, OLD.credited_tax_minor, OLD.credited_due_minor) THEN
        RAISE EXCEPTION 'what is credited of invoice % are its credit notes', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.void_reason IS DISTINCT FROM OLD.void_reason AND OLD.status || '>' || NEW.status <> 'open>void')
        OR ((NEW.written_off_at, NEW.write_off_reason) IS DISTINCT FROM (OLD.written_off_at, OLD.write_off_reason)
            AND OLD.status || '>' || NEW.status <> 'open>uncollectible')
    THEN
        RAISE EXCEPTION 'invoice % keeps the reason of its end', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;"""

UP = """
ALTER TABLE billing.invoices
    -- What its credit notes take back of it, of its VAT, and of what was due when they were issued.
    ADD COLUMN credited_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN credited_tax_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN credited_due_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN void_reason text CHECK (void_reason <> ''),
    ADD COLUMN written_off_at timestamptz,
    ADD COLUMN write_off_reason text CHECK (write_off_reason <> ''),
    DROP CONSTRAINT invoices_check7,
    ADD CONSTRAINT invoices_paid_in_full
        CHECK (status <> 'paid' OR amount_paid_minor + credited_due_minor = total_minor),
    ADD CONSTRAINT invoices_never_overpaid CHECK (amount_paid_minor + credited_due_minor <= total_minor),
    ADD CONSTRAINT invoices_never_overcredited CHECK (credited_minor BETWEEN 0 AND total_minor),
    -- Only what was due comes off it, and only what was paid goes back.
    ADD CONSTRAINT invoices_credited_due CHECK (credited_due_minor BETWEEN 0 AND credited_minor),
    ADD CONSTRAINT invoices_credited_paid CHECK (credited_minor - credited_due_minor <= amount_paid_minor),
    -- Taken back whole, its VAT is taken back to the cent.
    ADD CONSTRAINT invoices_credited_tax CHECK (credited_minor < total_minor OR credited_tax_minor = tax_minor),
    ADD CONSTRAINT invoices_void_is_explained CHECK (number IS NULL OR (status = 'void') = (void_reason IS NOT NULL)),
    ADD CONSTRAINT invoices_void_is_whole CHECK (status <> 'void' OR credited_minor = 0),
    ADD CONSTRAINT invoices_written_off CHECK (
        (written_off_at IS NULL) = (write_off_reason IS NULL)
        AND (status <> 'uncollectible' OR written_off_at IS NOT NULL)
        AND (written_off_at IS NULL OR status IN ('uncollectible', 'paid'))
    );

CREATE TABLE billing.credit_notes (
    id uuid PRIMARY KEY,
    number text NOT NULL UNIQUE,
    invoice_id uuid NOT NULL REFERENCES billing.invoices (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason text NOT NULL CHECK (reason <> '' AND length(reason) <= 500),
    -- What becomes of the part that was paid; 'due' when there is none.
    settlement text NOT NULL CHECK (settlement IN ('due', 'refund', 'credit')),
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor > 0),
    due_minor bigint NOT NULL CHECK (due_minor BETWEEN 0 AND total_minor),
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    -- The database transaction that issued it: its lines may come from no later one.
    issued_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (total_minor = subtotal_minor + tax_minor),
    CHECK ((settlement = 'due') = (due_minor = total_minor))
);
CREATE INDEX credit_notes_of_invoice ON billing.credit_notes (invoice_id);
CREATE INDEX credit_notes_of_customer ON billing.credit_notes (customer_id, issued_at DESC, id DESC);
CREATE INDEX credit_notes_issued ON billing.credit_notes (issued_at DESC, id DESC);
CREATE TRIGGER credit_notes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.credit_notes
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE billing.credit_note_lines (
    id uuid PRIMARY KEY,
    credit_note_id uuid NOT NULL REFERENCES billing.credit_notes (id),
    position integer NOT NULL CHECK (position > 0),
    invoice_line_id uuid NOT NULL REFERENCES billing.invoice_lines (id),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    tax_minor bigint NOT NULL,
    UNIQUE (credit_note_id, position),
    UNIQUE (credit_note_id, invoice_line_id)
);
CREATE INDEX credit_note_lines_of_line ON billing.credit_note_lines (invoice_line_id);
CREATE TRIGGER credit_note_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.credit_note_lines
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Two credit notes at once wait for each other at the invoice's row; its checks refuse the one that is too much.
CREATE FUNCTION billing.add_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing.invoices SET
        credited_minor = credited_minor + NEW.total_minor,
        credited_tax_minor = credited_tax_minor + NEW.tax_minor,
        credited_due_minor = credited_due_minor + NEW.due_minor
    WHERE id = NEW.invoice_id AND customer_id = NEW.customer_id AND currency = NEW.currency
        AND (status = 'open' OR (status = 'paid' AND NEW.due_minor = 0));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such claim to take back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER credit_notes_add AFTER INSERT ON billing.credit_notes
    FOR EACH ROW EXECUTE FUNCTION billing.add_credit_note();

-- The invoice's row is locked by the note, so these sums can't be outrun.
CREATE FUNCTION billing.check_credited_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line record;
    credited record;
BEGIN
    SELECT l.amount_minor, l.tax_minor INTO line
        FROM billing.invoice_lines l JOIN billing.credit_notes n ON n.invoice_id = l.invoice_id
        WHERE l.id = NEW.invoice_line_id AND n.id = NEW.credit_note_id AND n.issued_in = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a credit note takes back lines of its invoice, when it is issued'
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT coalesce(sum(amount_minor), 0) + NEW.amount_minor AS amount,
        coalesce(sum(tax_minor), 0) + NEW.tax_minor AS tax
        INTO credited FROM billing.credit_note_lines WHERE invoice_line_id = NEW.invoice_line_id;
    IF sign(NEW.amount_minor) <> sign(line.amount_minor) OR abs(credited.amount) > abs(line.amount_minor)
        OR abs(credited.tax) > abs(line.tax_minor) OR sign(credited.tax) * sign(line.amount_minor) < 0
        OR (credited.amount = line.amount_minor AND credited.tax <> line.tax_minor)
    THEN
        RAISE EXCEPTION 'more is taken back of line % than it charges', NEW.invoice_line_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_lines_check BEFORE INSERT ON billing.credit_note_lines
    FOR EACH ROW EXECUTE FUNCTION billing.check_credited_line();

CREATE FUNCTION billing.check_credit_note_sums() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid := CASE TG_TABLE_NAME WHEN 'credit_notes' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'credit_note_id' END;
    difference record;
BEGIN
    SELECT n.total_minor - coalesce(sum(l.amount_minor), 0) AS total, n.tax_minor - coalesce(sum(l.tax_minor), 0) AS tax
        INTO difference
        FROM billing.credit_notes n LEFT JOIN billing.credit_note_lines l ON l.credit_note_id = n.id
        WHERE n.id = checked GROUP BY n.id;
    IF difference.total <> 0 OR difference.tax <> 0 THEN
        RAISE EXCEPTION 'the lines of credit note % do not sum up to it', checked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER credit_notes_sums AFTER INSERT ON billing.credit_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_credit_note_sums();
CREATE CONSTRAINT TRIGGER credit_note_lines_sums AFTER INSERT ON billing.credit_note_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_credit_note_sums();
"""

DOWN = """
DROP TABLE billing.credit_note_lines, billing.credit_notes;
DROP FUNCTION billing.add_credit_note();
DROP FUNCTION billing.check_credited_line();
DROP FUNCTION billing.check_credit_note_sums();
ALTER TABLE billing.invoices
    DROP CONSTRAINT invoices_void_is_whole,
    DROP COLUMN credited_minor,
    DROP COLUMN credited_tax_minor,
    DROP COLUMN credited_due_minor,
    DROP COLUMN void_reason,
    DROP COLUMN written_off_at,
    DROP COLUMN write_off_reason,
    ADD CONSTRAINT invoices_check7 CHECK (status <> 'paid' OR amount_paid_minor = total_minor);
"""


def upgrade() -> None:
    op.execute(UP + KEEP_INVOICE.format(more=MORE, rules=RULES))


def downgrade() -> None:
    op.execute(KEEP_INVOICE.format(more="", rules="") + DOWN)
