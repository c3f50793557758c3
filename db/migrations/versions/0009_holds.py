"""Quota holds: room reserved for work that has begun."""

from alembic import op

revision = "0009_holds"
down_revision = "0008_billing"

UP = """
-- One row a customer and meter, locked by whoever takes room or gives it back: that lock is what keeps concurrent
-- holders from taking the same room.
CREATE TABLE subscriptions.quotas (
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    meter text NOT NULL,
    PRIMARY KEY (customer_id, meter)
);

CREATE TABLE subscriptions.holds (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    meter text NOT NULL,
    key text NOT NULL,
    -- How the meter counted when the hold was made: its use can be recorded even if the meter changes meanwhile.
    event_type text NOT NULL,
    aggregation text NOT NULL CHECK (aggregation IN ('count', 'sum')),
    value_path text[] NOT NULL,
    overage_allowed boolean NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    drawn numeric NOT NULL DEFAULT 0 CHECK (drawn >= 0 AND drawn <= quantity),
    remaining numeric CHECK (remaining >= 0),
    expires_in_seconds integer NOT NULL CHECK (expires_in_seconds > 0),
    -- Business time: the period that its use counts in.
    made_at timestamptz NOT NULL,
    -- Wall clock, as is ended_at.
    expires_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'held' CHECK (status IN ('held', 'settled', 'released', 'expired')),
    used numeric CHECK (used >= drawn),
    data text,
    ended_at timestamptz,
    FOREIGN KEY (customer_id, meter) REFERENCES subscriptions.quotas (customer_id, meter),
    UNIQUE (customer_id, key),
    CHECK ((status = 'held') = (used IS NULL) AND (used IS NULL) = (ended_at IS NULL)),
    CHECK ((status = 'settled') = (data IS NOT NULL)),
    CHECK (status NOT IN ('released', 'expired') OR used = drawn)
);
CREATE INDEX holds_outstanding ON subscriptions.holds (customer_id, meter, made_at) WHERE status = 'held';
CREATE INDEX holds_overdue ON subscriptions.holds (expires_at) WHERE status = 'held';

CREATE TABLE subscriptions.hold_draws (
    hold_id uuid NOT NULL REFERENCES subscriptions.holds (id),
    sequence bigint NOT NULL CHECK (sequence > 0),
    quantity numeric NOT NULL CHECK (quantity > 0),
    drawn_after numeric NOT NULL CHECK (drawn_after >= quantity),
    drawn_at timestamptz NOT NULL,
    PRIMARY KEY (hold_id, sequence)
);

CREATE FUNCTION subscriptions.keep_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'held' THEN
        RAISE EXCEPTION 'hold % has ended, which is final', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.customer_id, NEW.meter, NEW.key, NEW.event_type, NEW.aggregation, NEW.value_path,
            NEW.overage_allowed, NEW.quantity, NEW.remaining, NEW.expires_in_seconds, NEW.made_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.meter, OLD.key, OLD.event_type, OLD.aggregation, OLD.value_path,
            OLD.overage_allowed, OLD.quantity, OLD.remaining, OLD.expires_in_seconds, OLD.made_at, OLD.expires_at)
        OR NEW.drawn < OLD.drawn THEN
        RAISE EXCEPTION 'hold % keeps its terms, and what was drawn stays drawn', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER holds_keep BEFORE UPDATE ON subscriptions.holds
    FOR EACH ROW EXECUTE FUNCTION subscriptions.keep_hold();
CREATE TRIGGER holds_stay BEFORE DELETE OR TRUNCATE ON subscriptions.holds
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
CREATE TRIGGER hold_draws_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subscriptions.hold_draws
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP TABLE subscriptions.hold_draws;
DROP TABLE subscriptions.holds;
DROP TABLE subscriptions.quotas;
DROP FUNCTION subscriptions.keep_hold;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
