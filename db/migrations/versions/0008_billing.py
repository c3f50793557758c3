"""The tables of billing."""

from alembic import op

revision = "0008_billing"
down_revision = "0007_payments"

UP = """
CREATE SCHEMA billing;

-- One row per series and year; its row lock is what makes numbers gapless: a rolled back issue gives its number back.
CREATE TABLE billing.invoice_numbers (
    series text PRIMARY KEY,
    last_number integer NOT NULL CHECK (last_number > 0)
);

CREATE TABLE billing.invoices (
    id uuid PRIMARY KEY,
    number text UNIQUE,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    period_id uuid NOT NULL REFERENCES subscriptions.periods (id),
    purpose text NOT NULL CHECK (purpose IN ('start', 'period_close', 'upgrade')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
    tax_treatment text NOT NULL CHECK (tax_treatment IN ('standard', 'zero_rated', 'not_registered')),
    tax_rate numeric NOT NULL CHECK (tax_rate >= 0 AND tax_rate < 1),
    supplier jsonb NOT NULL CHECK (jsonb_typeof(supplier) = 'object'),
    customer jsonb NOT NULL CHECK (jsonb_typeof(customer) = 'object'),
    time_zone text NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor > 0),
    amount_paid_minor bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    issued_at timestamptz,
    due_at timestamptz,
    paid_at timestamptz,
    voided_at timestamptz,
    refunded_at timestamptz,
    disputed_at timestamptz,
    CHECK (total_minor = subtotal_minor + tax_minor),
    CHECK (tax_treatment = 'standard' OR (tax_rate = 0 AND tax_minor = 0)),
    CHECK (amount_paid_minor BETWEEN 0 AND total_minor),
    CHECK ((number IS NULL) = (issued_at IS NULL) AND (number IS NULL) = (due_at IS NULL)),
    CHECK (number IS NULL OR status <> 'draft'),
    CHECK (number IS NOT NULL OR status IN ('draft', 'void')),
    CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
    CHECK (status <> 'paid' OR amount_paid_minor = total_minor),
    CHECK ((status = 'void') = (voided_at IS NOT NULL)),
    CHECK (refunded_at IS NULL OR status = 'paid'),
    CHECK (disputed_at IS NULL OR status = 'paid')
);
CREATE UNIQUE INDEX invoices_once_per_period ON billing.invoices (period_id, purpose)
    WHERE purpose <> 'upgrade' AND status <> 'void';
CREATE INDEX invoices_of_customer ON billing.invoices (customer_id, issued_at DESC, id DESC);
CREATE INDEX invoices_issued ON billing.invoices (issued_at DESC, id DESC) WHERE issued_at IS NOT NULL;
CREATE INDEX invoices_open ON billing.invoices (subscription_id) WHERE status = 'open';
CREATE INDEX invoices_disputed ON billing.invoices (subscription_id) WHERE disputed_at IS NOT NULL;

CREATE TABLE billing.rated_usage (
    id uuid PRIMARY KEY,
    period_id uuid NOT NULL REFERENCES subscriptions.periods (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    meter text NOT NULL,
    meter_name text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    quantity numeric NOT NULL CHECK (quantity >= 0),
    events bigint NOT NULL CHECK (events >= 0),
    price_id uuid NOT NULL REFERENCES catalog.prices (id),
    included numeric NOT NULL CHECK (included >= 0 AND included <= quantity),
    billable numeric NOT NULL CHECK (billable >= 0 AND included + billable <= quantity),
    unit_amount numeric NOT NULL CHECK (unit_amount >= 0),
    unit_label text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL CHECK (period_end > period_start),
    rated_at timestamptz NOT NULL,
    UNIQUE (period_id, meter, revision)
);
CREATE INDEX rated_usage_of_customer ON billing.rated_usage (customer_id, period_end DESC);
CREATE TRIGGER rated_usage_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.rated_usage
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE billing.invoice_lines (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL REFERENCES billing.invoices (id),
    position integer NOT NULL CHECK (position > 0),
    kind text NOT NULL CHECK (kind IN ('flat_fee', 'usage', 'proration_credit', 'usage_adjustment')),
    description text NOT NULL,
    quantity numeric NOT NULL,
    included numeric NOT NULL CHECK (included >= 0),
    unit_amount numeric NOT NULL,
    unit_label text NOT NULL,
    amount_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL CHECK (period_end >= period_start),
    price_id uuid NOT NULL REFERENCES catalog.prices (id),
    meter text,
    rated_usage_id uuid REFERENCES billing.rated_usage (id),
    UNIQUE (invoice_id, position),
    CHECK (abs(tax_minor) <= abs(amount_minor) AND sign(tax_minor) * sign(amount_minor) >= 0),
    CHECK ((kind IN ('usage', 'usage_adjustment')) = (rated_usage_id IS NOT NULL)),
    CHECK ((meter IS NULL) = (rated_usage_id IS NULL))
);
-- One rating is billed by one line, so no usage can be charged twice.
CREATE UNIQUE INDEX invoice_lines_once_per_rating ON billing.invoice_lines (rated_usage_id)
    WHERE rated_usage_id IS NOT NULL;

-- A closed period, also when there was nothing to invoice; the key is what makes a second close a no-op.
CREATE TABLE billing.closings (
    period_id uuid PRIMARY KEY REFERENCES subscriptions.periods (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    invoice_id uuid REFERENCES billing.invoices (id),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    interval text NOT NULL CHECK (interval IN ('month', 'year')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    closed_at timestamptz NOT NULL
);
CREATE INDEX closings_of_subscription ON billing.closings (subscription_id, period_end DESC);
CREATE TRIGGER closings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.closings
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- The flat fee of a period is billed at most once, by the key; a credit for unused time starts from this row.
CREATE TABLE billing.period_fees (
    period_id uuid PRIMARY KEY REFERENCES subscriptions.periods (id),
    invoice_id uuid NOT NULL REFERENCES billing.invoices (id),
    line_id uuid NOT NULL UNIQUE REFERENCES billing.invoice_lines (id)
);
CREATE TRIGGER period_fees_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.period_fees
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE billing.invoice_payments (
    payment_id uuid PRIMARY KEY REFERENCES payments.payments (id),
    invoice_id uuid NOT NULL UNIQUE REFERENCES billing.invoices (id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    gateway text NOT NULL,
    applied_at timestamptz NOT NULL
);
CREATE TRIGGER invoice_payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.invoice_payments
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Money that arrived but pays nothing that we know: kept, in the ledger as a debt to the payer, shown to the operator.
CREATE TABLE billing.unapplied_payments (
    payment_id uuid PRIMARY KEY REFERENCES payments.payments (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    reference text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    gateway text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE TRIGGER unapplied_payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.unapplied_payments
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE billing.unapplied_refunds (
    payment_id uuid PRIMARY KEY REFERENCES billing.unapplied_payments (payment_id),
    refunded_at timestamptz NOT NULL
);
CREATE TRIGGER unapplied_refunds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.unapplied_refunds
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE billing.pending_changes (
    id uuid PRIMARY KEY,
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    from_plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    period_id uuid NOT NULL REFERENCES subscriptions.periods (id),
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    interval text NOT NULL CHECK (interval IN ('month', 'year')),
    invoice_id uuid NOT NULL UNIQUE REFERENCES billing.invoices (id),
    credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
    status text NOT NULL CHECK (status IN ('waiting', 'requoted', 'applied', 'cancelled')),
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    CHECK ((status IN ('applied', 'cancelled')) = (settled_at IS NOT NULL))
);
-- A double click finds the first click's change; of two parallel upgrades from one period only one can be applied.
CREATE UNIQUE INDEX pending_changes_once ON billing.pending_changes (subscription_id, plan_version_id, interval)
    WHERE status = 'waiting';
CREATE UNIQUE INDEX pending_changes_applied_once ON billing.pending_changes (period_id) WHERE status = 'applied';

CREATE FUNCTION billing.keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'amount_paid_minor', 'paid_at', 'voided_at', 'refunded_at', 'disputed_at'];
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
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER invoices_keep BEFORE UPDATE OR DELETE ON billing.invoices
    FOR EACH ROW EXECUTE FUNCTION billing.keep_invoice();
CREATE TRIGGER invoices_keep_all BEFORE TRUNCATE ON billing.invoices
    FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_invoice();

CREATE FUNCTION billing.keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'invoice lines are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM billing.invoices WHERE id = NEW.invoice_id AND status = 'draft') THEN
        RAISE EXCEPTION 'the invoice of this line is final' USING ERRCODE = 'restrict_violation';
    END IF;
    -- A draft's line may only be dated anew, when a plan change happens at the moment of its payment.
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['period_start', 'period_end']
        IS DISTINCT FROM to_jsonb(OLD) - ARRAY['period_start', 'period_end'] THEN
        RAISE EXCEPTION 'invoice lines are append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER invoice_lines_keep BEFORE INSERT OR UPDATE OR DELETE ON billing.invoice_lines
    FOR EACH ROW EXECUTE FUNCTION billing.keep_line();
CREATE TRIGGER invoice_lines_keep_all BEFORE TRUNCATE ON billing.invoice_lines
    FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_line();

CREATE FUNCTION billing.check_sums(checked uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    difference record;
BEGIN
    SELECT i.total_minor - coalesce(sum(l.amount_minor), 0) AS total, i.tax_minor - coalesce(sum(l.tax_minor), 0) AS tax
        INTO difference
        FROM billing.invoices i LEFT JOIN billing.invoice_lines l ON l.invoice_id = i.id
        WHERE i.id = checked GROUP BY i.id;
    IF difference.total <> 0 OR difference.tax <> 0 THEN
        RAISE EXCEPTION 'the lines of invoice % do not sum up to it', checked USING ERRCODE = 'check_violation';
    END IF;
END
$$;
CREATE FUNCTION billing.check_invoice_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing.check_sums(NEW.id);
    RETURN NULL;
END
$$;
CREATE FUNCTION billing.check_line_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing.check_sums(NEW.invoice_id);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER invoices_sums AFTER INSERT OR UPDATE ON billing.invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_invoice_sums();
CREATE CONSTRAINT TRIGGER invoice_lines_sums AFTER INSERT ON billing.invoice_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_line_sums();
"""

DOWN = """
DROP SCHEMA billing CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
