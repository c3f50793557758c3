"""Prepaid credits: grants, their movements, top-ups, and what an invoice took from them."""

from alembic import op

revision = "0019_wallet"
down_revision = "0018_refunds"

UP = """
-- `remaining_minor` is the sum of the grant's movements, kept by their trigger: two drawers wait here for each other,
-- and the check refuses whoever would take what the other has taken.
CREATE TABLE billing.wallet_grants (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind text NOT NULL CHECK (kind IN ('paid', 'promotional', 'credit_note', 'goodwill')),
    priority integer NOT NULL CHECK (priority BETWEEN 0 AND 100),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    remaining_minor bigint NOT NULL DEFAULT 0,
    -- What it comes from, such as payment:<uuid>: one source, one grant.
    source text NOT NULL UNIQUE CHECK (source <> ''),
    reason text NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz CHECK (expires_at > granted_at),
    CONSTRAINT wallet_grants_never_below_zero CHECK (remaining_minor BETWEEN 0 AND amount_minor)
);
CREATE INDEX wallet_grants_of_customer ON billing.wallet_grants (customer_id, currency);

CREATE TABLE billing.wallet_movements (
    id uuid PRIMARY KEY,
    grant_id uuid NOT NULL REFERENCES billing.wallet_grants (id),
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    kind text NOT NULL CHECK (kind IN ('grant', 'draw', 'expire', 'return', 'void')),
    amount_minor bigint NOT NULL,
    invoice_id uuid REFERENCES billing.invoices (id),
    reason text NOT NULL,
    at timestamptz NOT NULL,
    CHECK (amount_minor <> 0 AND (kind IN ('grant', 'return')) = (amount_minor > 0)),
    CHECK ((kind IN ('draw', 'return')) = (invoice_id IS NOT NULL))
);
CREATE UNIQUE INDEX wallet_movements_granted_once ON billing.wallet_movements (grant_id) WHERE kind = 'grant';
CREATE UNIQUE INDEX wallet_movements_once_per_invoice ON billing.wallet_movements (grant_id, invoice_id, kind)
    WHERE invoice_id IS NOT NULL;
CREATE INDEX wallet_movements_of_customer ON billing.wallet_movements (customer_id, id DESC);
CREATE INDEX wallet_movements_of_invoice ON billing.wallet_movements (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE TRIGGER wallet_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.wallet_movements
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE FUNCTION billing.move_credits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing.wallet_grants SET remaining_minor = remaining_minor + NEW.amount_minor
    WHERE id = NEW.grant_id AND customer_id = NEW.customer_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the grant % is not of this customer', NEW.grant_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER wallet_movements_move AFTER INSERT ON billing.wallet_movements
    FOR EACH ROW EXECUTE FUNCTION billing.move_credits();

CREATE FUNCTION billing.keep_grant() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['remaining_minor', 'expires_at'];
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'grants are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.remaining_minor <> 0 THEN
            RAISE EXCEPTION 'a grant begins with its movement' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable OR NEW.expires_at < OLD.expires_at
        OR (NEW.expires_at IS NULL) <> (OLD.expires_at IS NULL)
        -- Depth 2 is the trigger of the movements; nothing else may say what is left.
        OR (NEW.remaining_minor <> OLD.remaining_minor AND pg_trigger_depth() < 2)
    THEN
        RAISE EXCEPTION 'a grant is final: what happens to it are movements' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER wallet_grants_keep BEFORE INSERT OR UPDATE OR DELETE ON billing.wallet_grants
    FOR EACH ROW EXECUTE FUNCTION billing.keep_grant();
CREATE TRIGGER wallet_grants_keep_all BEFORE TRUNCATE ON billing.wallet_grants
    FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_grant();

-- What an invoice took from the wallet; part of what is paid. Written while it is a draft, final with it.
ALTER TABLE billing.invoices ADD COLUMN credits_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE billing.invoices ADD CONSTRAINT invoices_credits_are_paid
    CHECK (credits_minor >= 0 AND credits_minor <= amount_paid_minor);

CREATE FUNCTION billing.check_draws() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid := CASE TG_TABLE_NAME WHEN 'invoices' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'invoice_id' END;
    drawn bigint;
BEGIN
    SELECT coalesce(-sum(amount_minor), 0) INTO drawn FROM billing.wallet_movements
    WHERE invoice_id = checked AND kind = 'draw';
    IF drawn IS DISTINCT FROM (SELECT credits_minor FROM billing.invoices WHERE id = checked) THEN
        RAISE EXCEPTION 'the draws for invoice % are not what it says', checked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER wallet_movements_draws AFTER INSERT ON billing.wallet_movements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'draw') EXECUTE FUNCTION billing.check_draws();
CREATE CONSTRAINT TRIGGER invoices_draws AFTER INSERT OR UPDATE OF credits_minor ON billing.invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.credits_minor <> 0) EXECUTE FUNCTION billing.check_draws();

CREATE TABLE billing.top_ups (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    automatic boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'paid', 'failed', 'returned')),
    failure text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    CHECK ((status = 'pending') = (settled_at IS NULL))
);
-- Never two automatic ones at a time.
CREATE UNIQUE INDEX top_ups_one_automatic ON billing.top_ups (customer_id, currency)
    WHERE automatic AND status = 'pending';
CREATE INDEX top_ups_of_customer ON billing.top_ups (customer_id, created_at DESC, id DESC);

CREATE FUNCTION billing.keep_top_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['status', 'failure', 'settled_at'];
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'top-ups are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF to_jsonb(NEW) - movable IS DISTINCT FROM to_jsonb(OLD) - movable OR (OLD.status || '>' || NEW.status) NOT IN (
        'pending>paid', 'pending>failed', 'failed>paid', 'paid>returned', 'returned>returned'
    ) THEN
        RAISE EXCEPTION 'a top-up can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER top_ups_keep BEFORE UPDATE OR DELETE ON billing.top_ups
    FOR EACH ROW EXECUTE FUNCTION billing.keep_top_up();
CREATE TRIGGER top_ups_keep_all BEFORE TRUNCATE ON billing.top_ups
    FOR EACH STATEMENT EXECUTE FUNCTION billing.keep_top_up();

-- What a customer has agreed to: below the threshold, charge the saved card, at most so often a day.
CREATE TABLE billing.automatic_top_ups (
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    enabled boolean NOT NULL,
    threshold_minor bigint NOT NULL CHECK (threshold_minor > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    per_day integer NOT NULL CHECK (per_day BETWEEN 1 AND 10),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    off_because text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, currency),
    CHECK (NOT enabled OR off_because = '')
);
"""

DOWN = """
DROP TABLE billing.automatic_top_ups;
DROP TABLE billing.top_ups;
DROP FUNCTION billing.keep_top_up();
DROP TRIGGER invoices_draws ON billing.invoices;
DROP TABLE billing.wallet_movements;
DROP FUNCTION billing.check_draws();
DROP FUNCTION billing.move_credits();
ALTER TABLE billing.invoices DROP CONSTRAINT invoices_credits_are_paid;
ALTER TABLE billing.invoices DROP COLUMN credits_minor;
DROP TABLE billing.wallet_grants;
DROP FUNCTION billing.keep_grant();
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
