"""The whole life of a subscription: the moves of its state table, what is planned for its period's end, trials."""

from alembic import op

revision = "0021_lifecycle"
down_revision = "0020_price_cells"

UP = """
ALTER TABLE catalog.plan_versions ADD COLUMN trial_days integer CHECK (trial_days BETWEEN 1 AND 365);

ALTER TABLE subscriptions.subscriptions
    DROP CONSTRAINT subscriptions_status_check,
    ADD CONSTRAINT subscriptions_status_check CHECK (status IN
        ('trialing', 'incomplete', 'active', 'past_due', 'paused', 'cancelled', 'ended')),
    ADD COLUMN pause_at_period_end boolean NOT NULL DEFAULT false,
    ADD COLUMN next_plan_version_id uuid REFERENCES catalog.plan_versions (id),
    ADD COLUMN next_plan_key text,
    ADD COLUMN next_interval text CHECK (next_interval IN ('month', 'year')),
    ADD CONSTRAINT subscriptions_next_together CHECK
        (num_nonnulls(next_plan_version_id, next_plan_key, next_interval) IN (0, 3)),
    -- One thing happens at the end of a period: it is cancelled, paused, or goes on as another plan.
    ADD CONSTRAINT subscriptions_one_plan CHECK
        (cancel_at_period_end::int + pause_at_period_end::int + (next_plan_version_id IS NOT NULL)::int <= 1);

DROP INDEX subscriptions.subscriptions_one_live;
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions.subscriptions (customer_id)
    WHERE status IN ('trialing', 'active', 'past_due', 'paused');
CREATE UNIQUE INDEX subscriptions_one_incomplete ON subscriptions.subscriptions (customer_id)
    WHERE status = 'incomplete';

-- The moves of the state table in subscriptions/model.py; a test compares both.
CREATE FUNCTION subscriptions.may_move(before text, after text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (before, after) IN (
        ('trialing', 'active'), ('trialing', 'cancelled'), ('trialing', 'ended'),
        ('incomplete', 'active'), ('incomplete', 'ended'),
        ('active', 'trialing'), ('active', 'past_due'), ('active', 'paused'), ('active', 'cancelled'),
        ('active', 'ended'),
        ('past_due', 'active'), ('past_due', 'paused'), ('past_due', 'cancelled'), ('past_due', 'ended'),
        ('paused', 'active'), ('paused', 'cancelled'), ('paused', 'ended'),
        ('cancelled', 'ended'))
$$;

CREATE OR REPLACE FUNCTION subscriptions.keep_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'ended' THEN
        RAISE EXCEPTION 'subscription % has ended, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT subscriptions.may_move(OLD.status, NEW.status) THEN
        RAISE EXCEPTION 'subscription % is %, which never becomes %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    -- What was only wanted starts when it is paid.
    IF (NEW.id, NEW.customer_id, NEW.currency, NEW.time_zone)
        IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.currency, OLD.time_zone)
        OR (NEW.started_at <> OLD.started_at AND OLD.status <> 'incomplete') THEN
        RAISE EXCEPTION 'subscription % keeps its customer, currency, start and time zone', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION subscriptions.begin_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status NOT IN ('active', 'incomplete') THEN
        RAISE EXCEPTION 'no subscription begins as %', NEW.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER subscriptions_begin BEFORE INSERT ON subscriptions.subscriptions
    FOR EACH ROW EXECUTE FUNCTION subscriptions.begin_subscription();

ALTER TABLE subscriptions.periods
    ADD COLUMN kind text NOT NULL DEFAULT 'paid' CHECK (kind IN ('paid', 'trial', 'pause')),
    ADD CONSTRAINT periods_only_paid_ones_have_a_fee CHECK (kind = 'paid' OR NOT fee_invoiced);

CREATE OR REPLACE FUNCTION subscriptions.keep_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'closed' THEN
        RAISE EXCEPTION 'period % is closed, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.subscription_id, NEW.customer_id, NEW.plan_version_id, NEW.billing_interval, NEW.ordinal,
            NEW.start_at, NEW.planned_end_at, NEW.follows_at, NEW.fee_invoiced, NEW.kind)
        IS DISTINCT FROM (OLD.id, OLD.subscription_id, OLD.customer_id, OLD.plan_version_id, OLD.billing_interval,
            OLD.ordinal, OLD.start_at, OLD.planned_end_at, OLD.follows_at, OLD.fee_invoiced, OLD.kind)
        OR NEW.end_at > OLD.end_at THEN
        RAISE EXCEPTION 'period % can only be cut short and closed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Within a subscription a foreign key leaves no gap. Between two of a customer this does, at the commit: where a first
-- period begins, or where one was cut short, another period of the customer ends, or none is there before.
CREATE FUNCTION subscriptions.forbid_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM subscriptions.periods
                WHERE customer_id = NEW.customer_id AND tstzrange(start_at, end_at) && tstzrange(NULL, NEW.start_at))
            AND NOT EXISTS (SELECT FROM subscriptions.periods
                WHERE customer_id = NEW.customer_id AND end_at = NEW.start_at) THEN
            RAISE EXCEPTION 'period % begins where no period of its customer ends', NEW.id
                USING ERRCODE = 'exclusion_violation';
        END IF;
    ELSIF EXISTS (SELECT FROM subscriptions.periods WHERE customer_id = NEW.customer_id AND start_at = OLD.end_at)
        AND NOT EXISTS (SELECT FROM subscriptions.periods WHERE customer_id = NEW.customer_id AND end_at = OLD.end_at)
    THEN
        RAISE EXCEPTION 'period % ends before the next one of its customer begins', NEW.id
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER periods_no_gap_before AFTER INSERT ON subscriptions.periods
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.follows_at IS NULL)
    EXECUTE FUNCTION subscriptions.forbid_gap();
CREATE CONSTRAINT TRIGGER periods_no_gap_after AFTER UPDATE OF end_at ON subscriptions.periods
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.end_at <> NEW.end_at)
    EXECUTE FUNCTION subscriptions.forbid_gap();

-- One trial per customer and plan, for ever.
CREATE TABLE subscriptions.trials (
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    plan_key text NOT NULL,
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    period_id uuid NOT NULL UNIQUE REFERENCES subscriptions.periods (id),
    started_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, plan_key)
);
CREATE TRIGGER trials_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subscriptions.trials
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- Under which kind of terms a closed period was rated: late usage of a trial costs nothing either.
ALTER TABLE billing.closings
    ADD COLUMN kind text NOT NULL DEFAULT 'paid' CHECK (kind IN ('paid', 'trial', 'pause'));

-- The credit for the unused part of a fee is given once, and never above what that fee was.
CREATE FUNCTION billing.forbid_too_much_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.credit_minor > COALESCE((SELECT l.amount_minor FROM billing.period_fees f
            JOIN billing.invoice_lines l ON l.id = f.line_id WHERE f.period_id = NEW.period_id), 0) THEN
        RAISE EXCEPTION 'change % gives back more than the fee of its period', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER pending_changes_credit BEFORE INSERT OR UPDATE ON billing.pending_changes
    FOR EACH ROW EXECUTE FUNCTION billing.forbid_too_much_credit();
"""

DOWN = """
DROP TRIGGER pending_changes_credit ON billing.pending_changes;
DROP FUNCTION billing.forbid_too_much_credit();
ALTER TABLE billing.closings DROP COLUMN kind;
DROP TABLE subscriptions.trials;
DROP TRIGGER periods_no_gap_after ON subscriptions.periods;
DROP TRIGGER periods_no_gap_before ON subscriptions.periods;
DROP FUNCTION subscriptions.forbid_gap();

CREATE OR REPLACE FUNCTION subscriptions.keep_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'closed' THEN
        RAISE EXCEPTION 'period % is closed, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.subscription_id, NEW.customer_id, NEW.plan_version_id, NEW.billing_interval, NEW.ordinal,
            NEW.start_at, NEW.planned_end_at, NEW.follows_at, NEW.fee_invoiced)
        IS DISTINCT FROM (OLD.id, OLD.subscription_id, OLD.customer_id, OLD.plan_version_id, OLD.billing_interval,
            OLD.ordinal, OLD.start_at, OLD.planned_end_at, OLD.follows_at, OLD.fee_invoiced)
        OR NEW.end_at > OLD.end_at THEN
        RAISE EXCEPTION 'period % can only be cut short and closed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
ALTER TABLE subscriptions.periods DROP COLUMN kind;

DROP TRIGGER subscriptions_begin ON subscriptions.subscriptions;
DROP FUNCTION subscriptions.begin_subscription();
CREATE OR REPLACE FUNCTION subscriptions.keep_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'ended' THEN
        RAISE EXCEPTION 'subscription % has ended, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.customer_id, NEW.currency, NEW.started_at, NEW.time_zone)
        IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.currency, OLD.started_at, OLD.time_zone) THEN
        RAISE EXCEPTION 'subscription % keeps its customer, currency, start and time zone', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
DROP FUNCTION subscriptions.may_move(text, text);
DROP INDEX subscriptions.subscriptions_one_incomplete;
DROP INDEX subscriptions.subscriptions_one_live;
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions.subscriptions (customer_id)
    WHERE status IN ('active', 'past_due');
ALTER TABLE subscriptions.subscriptions
    DROP CONSTRAINT subscriptions_one_plan,
    DROP CONSTRAINT subscriptions_next_together,
    DROP COLUMN next_interval,
    DROP COLUMN next_plan_key,
    DROP COLUMN next_plan_version_id,
    DROP COLUMN pause_at_period_end,
    DROP CONSTRAINT subscriptions_status_check,
    ADD CONSTRAINT subscriptions_status_check CHECK (status IN
        ('incomplete', 'active', 'past_due', 'cancelled', 'ended'));
ALTER TABLE catalog.plan_versions DROP COLUMN trial_days;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
