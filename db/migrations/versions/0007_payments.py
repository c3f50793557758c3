"""The tables of payments, and of the sandbox gateway."""

from alembic import op

revision = "0007_payments"
down_revision = "0006_subscriptions"

UP = """
CREATE SCHEMA payments;

-- The state table, the same as payments.model.NEXT (a test compares them cell by cell).
CREATE TABLE payments.allowed_steps (
    from_status text NOT NULL,
    to_status text NOT NULL,
    PRIMARY KEY (from_status, to_status)
);
INSERT INTO payments.allowed_steps (from_status, to_status) VALUES
    ('pending', 'requires_action'), ('pending', 'processing'), ('pending', 'succeeded'), ('pending', 'failed'),
    ('requires_action', 'processing'), ('requires_action', 'succeeded'), ('requires_action', 'failed'),
    ('processing', 'succeeded'), ('processing', 'failed'),
    ('failed', 'succeeded'),
    ('succeeded', 'refunded'), ('succeeded', 'disputed'),
    ('disputed', 'refunded');
CREATE TRIGGER allowed_steps_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.allowed_steps
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE payments.payment_methods (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers,
    gateway text NOT NULL,
    token text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month integer NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year integer NOT NULL CHECK (exp_year BETWEEN 2000 AND 2199),
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (gateway, token)
);
CREATE UNIQUE INDEX payment_methods_one_default ON payments.payment_methods (customer_id) WHERE is_default;
CREATE INDEX payment_methods_customer ON payments.payment_methods (customer_id);

CREATE TABLE payments.payments (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers,
    kind text NOT NULL CHECK (kind IN ('checkout', 'saved_method')),
    gateway text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    reference text NOT NULL CHECK (reference <> ''),
    attempt integer NOT NULL CHECK (attempt >= 1),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    description text NOT NULL,
    status text NOT NULL CHECK (status IN
        ('pending', 'requires_action', 'processing', 'succeeded', 'failed', 'refunded', 'disputed')),
    method_id uuid REFERENCES payments.payment_methods,
    provider_id text,
    action_url text,
    failure_code text,
    failure_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    succeeded_at timestamptz,
    UNIQUE (reference, attempt),
    UNIQUE (gateway, provider_id),
    CHECK ((kind = 'saved_method') = (method_id IS NOT NULL)),
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status IN ('succeeded', 'refunded', 'disputed')) = (succeeded_at IS NOT NULL))
);
-- One payment at a time may still move money for a reference: the guard against paying twice.
CREATE UNIQUE INDEX payments_one_live ON payments.payments (reference)
    WHERE status IN ('pending', 'requires_action', 'processing');
CREATE INDEX payments_customer ON payments.payments (customer_id, id DESC);
CREATE INDEX payments_live ON payments.payments (updated_at)
    WHERE status IN ('pending', 'requires_action', 'processing');

CREATE FUNCTION payments.only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments.allowed_steps WHERE from_status = OLD.status AND to_status = NEW.status) THEN
        RAISE EXCEPTION 'a payment can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payments_only_forward BEFORE UPDATE OF status ON payments.payments
    FOR EACH ROW EXECUTE FUNCTION payments.only_forward();

CREATE FUNCTION payments.keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the terms of a payment are fixed: a correction is a new payment'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER payments_keep_terms
    BEFORE UPDATE OF customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency, created_at
    ON payments.payments FOR EACH ROW EXECUTE FUNCTION payments.keep_terms();
CREATE TRIGGER payments_kept BEFORE DELETE OR TRUNCATE ON payments.payments
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE payments.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments.payments,
    from_status text NOT NULL,
    to_status text NOT NULL,
    cause text NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (payment_id, to_status),
    FOREIGN KEY (from_status, to_status) REFERENCES payments.allowed_steps
);
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.history
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE payments.checkouts (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL UNIQUE REFERENCES payments.payments,
    gateway text NOT NULL,
    provider_id text,
    url text NOT NULL DEFAULT '',
    fields jsonb NOT NULL DEFAULT '{}',
    return_url text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (gateway, provider_id),
    CHECK (expires_at > created_at),
    CHECK ((provider_id IS NULL) = (url = ''))
);

CREATE TABLE payments.deliveries (
    id uuid PRIMARY KEY,
    gateway text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    status text NOT NULL CHECK (status IN ('received', 'applied', 'ignored', 'parked')),
    park_reason text,
    payment_id uuid REFERENCES payments.payments,
    pulled boolean NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL,
    applied_at timestamptz,
    duplicates integer NOT NULL DEFAULT 0,
    replays integer NOT NULL DEFAULT 0,
    UNIQUE (gateway, event_id),
    CHECK ((status = 'parked') = (park_reason IS NOT NULL)),
    CHECK ((status = 'received') = (applied_at IS NULL))
);
CREATE INDEX deliveries_status ON payments.deliveries (status, id DESC);
CREATE INDEX deliveries_payment ON payments.deliveries (payment_id, id DESC);

CREATE TABLE payments.gateway_cursors (
    gateway text PRIMARY KEY,
    cursor text NOT NULL,
    updated_at timestamptz NOT NULL
);

-- The sandbox gateway: a provider that is foreign by contract. Nothing here refers to our tables, nor the reverse.
CREATE SCHEMA sandbox;

CREATE TABLE sandbox.methods (
    token text PRIMARY KEY,
    customer text NOT NULL,
    behaviour text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month integer NOT NULL,
    exp_year integer NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE sandbox.checkouts (
    id text PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    customer text NOT NULL,
    reference text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    description text NOT NULL,
    return_url text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE sandbox.charges (
    id text PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    checkout_id text REFERENCES sandbox.checkouts,
    merchant_payment_id text NOT NULL,
    reference text NOT NULL,
    token text NOT NULL REFERENCES sandbox.methods,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('requires_action', 'succeeded', 'failed', 'refunded', 'disputed')),
    failure_code text,
    created_at timestamptz NOT NULL,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL))
);
CREATE UNIQUE INDEX charges_one_success ON sandbox.charges (merchant_payment_id)
    WHERE status IN ('succeeded', 'refunded', 'disputed');
CREATE INDEX charges_checkout ON sandbox.charges (checkout_id, created_at);

CREATE TABLE sandbox.events (
    id text PRIMARY KEY,
    -- Readers of the list go by the transaction that wrote the row, so that one which commits late is not skipped.
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    delivered_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    last_status integer
);
CREATE INDEX events_list ON sandbox.events (written_by, position);
"""

DOWN = """
DROP SCHEMA sandbox CASCADE;
DROP SCHEMA payments CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
