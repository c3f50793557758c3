"""What recurring revenue and the other figures of the days that are over come to, so that nobody counts them again."""

from alembic import op

revision = "0032_revenue"
down_revision = "0031_fee_credits"

UP = """
CREATE TABLE billing.revenue_counts (
    until timestamptz PRIMARY KEY,
    -- One chain: each stretch but the first begins where one ends, and none begins twice.
    since timestamptz NOT NULL UNIQUE CHECK (since < until),
    counted_at timestamptz NOT NULL CHECK (counted_at >= until)
);
CREATE FUNCTION billing.chain_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.since IS DISTINCT FROM (SELECT max(until) FROM billing.revenue_counts)
        AND EXISTS (SELECT FROM billing.revenue_counts) THEN
        RAISE EXCEPTION 'a count begins where the last one ends' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER revenue_counts_chain BEFORE INSERT ON billing.revenue_counts
    FOR EACH ROW EXECUTE FUNCTION billing.chain_counts();
CREATE TABLE billing.mrr_changes (
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    at timestamptz NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind text NOT NULL,
    before_minor bigint NOT NULL CHECK (before_minor >= 0),
    after_minor bigint NOT NULL CHECK (after_minor >= 0),
    until timestamptz NOT NULL REFERENCES billing.revenue_counts (until),
    PRIMARY KEY (customer_id, at, currency),
    CHECK (at < until),
    CHECK (CASE kind
        WHEN 'new' THEN before_minor = 0 AND after_minor > 0
        WHEN 'reactivation' THEN before_minor = 0 AND after_minor > 0
        WHEN 'expansion' THEN before_minor > 0 AND after_minor > before_minor
        WHEN 'contraction' THEN after_minor > 0 AND after_minor < before_minor
        WHEN 'churn' THEN before_minor > 0 AND after_minor = 0
        ELSE false END)
);
CREATE INDEX mrr_changes_newest ON billing.mrr_changes (currency, at DESC, customer_id DESC);
CREATE TABLE billing.revenue_sums (
    until timestamptz NOT NULL REFERENCES billing.revenue_counts (until),
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    figure text NOT NULL CHECK (figure <> ''),
    meter text NOT NULL CHECK ((figure = 'usage') = (meter <> '')),
    amount_minor bigint NOT NULL,
    PRIMARY KEY (until, month, currency, figure, meter)
);
CREATE TRIGGER revenue_counts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.revenue_counts
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
CREATE TRIGGER mrr_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.mrr_changes
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
CREATE TRIGGER revenue_sums_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.revenue_sums
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
CREATE INDEX invoices_voided ON billing.invoices (voided_at) WHERE voided_at IS NOT NULL;
-- When a customer first paid is read from this index alone.
CREATE INDEX invoices_paid ON billing.invoices (customer_id, paid_at) WHERE paid_at IS NOT NULL AND total_minor > 0;
-- Transactions come in the order of time, so that a small index finds those of a day.
CREATE INDEX transactions_recorded ON ledger.transactions USING brin (recorded_at) WITH (pages_per_range = 16);
"""

DOWN = """
DROP INDEX ledger.transactions_recorded;
DROP INDEX billing.invoices_paid;
DROP INDEX billing.invoices_voided;
DROP TABLE billing.revenue_sums;
DROP TABLE billing.mrr_changes;
DROP TABLE billing.revenue_counts;
DROP FUNCTION billing.chain_counts();
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
