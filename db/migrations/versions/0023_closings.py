"""Periods are closed many at once, from the table of periods itself; what fails is kept with its reason."""

from alembic import op

revision = "0023_closings"
down_revision = "0022_credit_notes"

UP = """
-- After a close that failed: the end from which the next attempt counts its grace time.
ALTER TABLE subscriptions.periods ADD COLUMN put_off_to timestamptz;
CREATE INDEX periods_due ON subscriptions.periods (coalesce(put_off_to, end_at), id) WHERE status = 'open';
DROP INDEX subscriptions.periods_open;

CREATE TABLE billing.failed_closings (
    period_id uuid PRIMARY KEY REFERENCES subscriptions.periods (id),
    attempts integer NOT NULL CHECK (attempts > 0),
    reason text NOT NULL,
    failed_at timestamptz NOT NULL,
    retry_at timestamptz NOT NULL CHECK (retry_at >= failed_at)
);

-- An invoice comes with its lines: in the transaction that made it they are added whatever its status.
ALTER TABLE billing.invoices ADD COLUMN created_in xid8;
ALTER TABLE billing.invoices ALTER COLUMN created_in SET DEFAULT pg_current_xact_id();

CREATE OR REPLACE FUNCTION billing.keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'invoice lines are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM billing.invoices
        WHERE id = NEW.invoice_id
            AND (status = 'draft' OR (TG_OP = 'INSERT' AND created_in = pg_current_xact_id()))
    ) THEN
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

-- Periods need no jobs of their own any more.
DELETE FROM kit.jobs WHERE kind = 'billing.close_period'
    OR payload ->> 'handler' LIKE 'autorisen.billing.jobs.schedule_%';
"""

DOWN = """
CREATE OR REPLACE FUNCTION billing.keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
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
ALTER TABLE billing.invoices DROP COLUMN created_in;
DROP TABLE billing.failed_closings;
CREATE INDEX periods_open ON subscriptions.periods (end_at) WHERE status = 'open';
DROP INDEX subscriptions.periods_due;
ALTER TABLE subscriptions.periods DROP COLUMN put_off_to;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
