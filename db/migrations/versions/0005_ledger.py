"""The tables of ledger."""

from alembic import op

revision = "0005_ledger"
down_revision = "0004_metering"

UP = """
CREATE SCHEMA ledger;

CREATE TABLE ledger.accounts (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]*(:[a-z0-9_-]+)+$' AND length(name) <= 120),
    opened_at timestamptz NOT NULL
);
CREATE TRIGGER accounts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE ledger.transactions (
    id uuid PRIMARY KEY,
    reference text NOT NULL UNIQUE CHECK (reference <> '' AND length(reference) <= 200),
    description text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- The database transaction that posted it: its entries may come from no later one.
    posted_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE ledger.entries (
    transaction_id uuid NOT NULL REFERENCES ledger.transactions (id),
    position integer NOT NULL CHECK (position >= 0),
    account text NOT NULL REFERENCES ledger.accounts (name),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (transaction_id, position)
);
CREATE INDEX entries_account ON ledger.entries (account, currency) INCLUDE (amount_minor);
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE FUNCTION ledger.forbid_later_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.transactions
        WHERE id = NEW.transaction_id AND posted_in = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'an entry is posted with its transaction: a correction is a new transaction'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER entries_with_their_transaction BEFORE INSERT ON ledger.entries
    FOR EACH ROW EXECUTE FUNCTION ledger.forbid_later_entry();

CREATE FUNCTION ledger.require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    posted uuid;
    unbalanced text;
    entry_count bigint;
BEGIN
    IF TG_TABLE_NAME = 'entries' THEN
        posted := NEW.transaction_id;
    ELSE
        posted := NEW.id;
    END IF;
    SELECT count(*) INTO entry_count FROM ledger.entries WHERE transaction_id = posted;
    IF entry_count < 2 THEN
        RAISE EXCEPTION 'transaction % has % entries: it needs two or more', posted, entry_count
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT currency INTO unbalanced FROM ledger.entries WHERE transaction_id = posted
        GROUP BY currency HAVING sum(amount_minor) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % does not sum to zero in %', posted, unbalanced
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
-- On both tables: a transaction without entries is refused, and so is an entry added after SET CONSTRAINTS IMMEDIATE.
CREATE CONSTRAINT TRIGGER transactions_balance AFTER INSERT ON ledger.transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_balance();
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON ledger.entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_balance();
"""

DOWN = """
DROP SCHEMA ledger CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
