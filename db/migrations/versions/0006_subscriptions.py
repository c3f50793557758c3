"""The tables of subscriptions."""

from alembic import op

revision = "0006_subscriptions"
down_revision = "0005_ledger"

UP = """
-- For the exclusion constraint on a uuid and a range together; a trusted extension, so no superuser is needed.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE SCHEMA subscriptions;

CREATE TABLE subscriptions.subscriptions (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    plan_key text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    billing_interval text NOT NULL CHECK (billing_interval IN ('month', 'year')),
    status text NOT NULL CHECK (status IN ('incomplete', 'active', 'past_due', 'cancelled', 'ended')),
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    anchor_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    UNIQUE (id, customer_id),
    CHECK ((ended_at IS NOT NULL) = (status IN ('cancelled', 'ended')))
);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions.subscriptions (customer_id)
    WHERE status IN ('active', 'past_due');
CREATE INDEX subscriptions_customer ON subscriptions.subscriptions (customer_id, started_at);

CREATE TABLE subscriptions.periods (
    id uuid PRIMARY KEY,
    subscription_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    billing_interval text NOT NULL CHECK (billing_interval IN ('month', 'year')),
    ordinal integer NOT NULL CHECK (ordinal > 0),
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    planned_end_at timestamptz NOT NULL,
    -- No gap: a period begins where the one before ends; only the first of a subscription follows none.
    follows_at timestamptz CHECK (follows_at = start_at),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    fee_invoiced boolean NOT NULL,
    FOREIGN KEY (subscription_id, customer_id) REFERENCES subscriptions.subscriptions (id, customer_id),
    UNIQUE (subscription_id, end_at),
    FOREIGN KEY (subscription_id, follows_at) REFERENCES subscriptions.periods (subscription_id, end_at),
    CHECK (start_at < end_at AND end_at <= planned_end_at),
    -- No overlap, and over all subscriptions of a customer: no instant is billed twice.
    EXCLUDE USING gist (customer_id WITH =, tstzrange(start_at, end_at) WITH &&)
);
CREATE UNIQUE INDEX periods_one_first ON subscriptions.periods (subscription_id) WHERE follows_at IS NULL;
CREATE INDEX periods_open ON subscriptions.periods (end_at) WHERE status = 'open';

CREATE FUNCTION subscriptions.keep_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER subscriptions_keep BEFORE UPDATE ON subscriptions.subscriptions
    FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_subscription();
CREATE TRIGGER subscriptions_stay BEFORE DELETE OR TRUNCATE ON subscriptions.subscriptions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE FUNCTION subscriptions.keep_period() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER periods_keep BEFORE UPDATE ON subscriptions.periods
    FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_period();
CREATE TRIGGER periods_stay BEFORE DELETE OR TRUNCATE ON subscriptions.periods
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP SCHEMA subscriptions CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
