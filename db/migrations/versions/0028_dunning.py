"""How unpaid invoices are chased, and subscriptions that are suspended for them."""

from alembic import op

revision = "0028_dunning"
down_revision = "0027_plan_moves"

UP = """
-- NULL: what the plan allows may be used.
ALTER TABLE subscriptions.subscriptions ADD COLUMN suspended_at timestamptz;

CREATE TABLE billing.dunnings (
    invoice_id uuid PRIMARY KEY REFERENCES billing.invoices (id),
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    -- The policy that it began with: days of retries and reminders, of grace after them, of suspension after that.
    days integer[] NOT NULL CHECK (days[1] = 0),
    grace_days integer NOT NULL CHECK (grace_days >= 0),
    suspended_days integer NOT NULL CHECK (suspended_days >= 0),
    began_at timestamptz NOT NULL,
    -- What the days are counted from: the beginning, and as much later as it was paused.
    base_at timestamptz NOT NULL CHECK (base_at >= began_at),
    done integer NOT NULL CHECK (done >= 0),
    stage text NOT NULL CHECK (stage IN ('collecting', 'grace', 'suspended', 'ended')),
    next_at timestamptz,
    paused_at timestamptz,
    paused_by text,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('paid', 'written_off', 'void')),
    CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    -- Paused or over, nothing is due.
    CHECK (next_at IS NULL OR (paused_at IS NULL AND ended_at IS NULL))
);
CREATE INDEX dunnings_newest ON billing.dunnings (began_at DESC, invoice_id DESC);
CREATE INDEX dunnings_of_customer ON billing.dunnings (customer_id) WHERE ended_at IS NULL;

CREATE FUNCTION billing.keep_dunning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'what was done about an invoice is kept' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'the chase of invoice % is over', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.done < OLD.done OR
        (NEW.invoice_id, NEW.subscription_id, NEW.customer_id, NEW.began_at) IS DISTINCT FROM
        (OLD.invoice_id, OLD.subscription_id, OLD.customer_id, OLD.began_at) OR
        (NEW.days, NEW.grace_days, NEW.suspended_days) IS DISTINCT FROM
        (OLD.days, OLD.grace_days, OLD.suspended_days)
    THEN
        RAISE EXCEPTION 'the chase of invoice % only goes forward', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER dunnings_keep BEFORE UPDATE OR DELETE ON billing.dunnings
    FOR EACH ROW EXECUTE FUNCTION billing.keep_dunning();
CREATE TRIGGER dunnings_keep_all BEFORE TRUNCATE ON billing.dunnings
    FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_dunning();

CREATE TABLE billing.dunning_events (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL REFERENCES billing.dunnings (invoice_id),
    -- Its place in the schedule; NULL for what a person or a payment did.
    step integer CHECK (step >= 0),
    kind text NOT NULL CHECK (kind <> ''),
    detail text NOT NULL,
    payment_id uuid,
    actor text NOT NULL CHECK (actor <> ''),
    at timestamptz NOT NULL,
    -- Each step of a schedule is taken once.
    UNIQUE (invoice_id, step)
);
CREATE INDEX dunning_events_of_invoice ON billing.dunning_events (invoice_id, at, id);
CREATE TRIGGER dunning_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.dunning_events
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE INDEX invoices_overdue ON billing.invoices (due_at, id) WHERE status = 'open';
"""

DOWN = """
DROP INDEX billing.invoices_overdue;
DROP TABLE billing.dunning_events, billing.dunnings;
DROP FUNCTION billing.keep_dunning();
ALTER TABLE subscriptions.subscriptions DROP COLUMN suspended_at;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
