"""The tables of accounts."""

from alembic import op

revision = "0002_accounts"
down_revision = "0001_kit"

UP = """
CREATE SCHEMA accounts;

CREATE TABLE accounts.customers (
    id uuid PRIMARY KEY,
    key text NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(key) <= 63),
    name text NOT NULL CHECK (name <> ''),
    email text NOT NULL,
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone text NOT NULL,
    billing_address text NOT NULL DEFAULT '',
    vat_number text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

CREATE TABLE accounts.users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_folded text NOT NULL UNIQUE,
    name text NOT NULL CHECK (name <> ''),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    is_operator boolean NOT NULL DEFAULT false,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE accounts.members (
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    user_id uuid NOT NULL REFERENCES accounts.users (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, user_id)
);
CREATE INDEX members_user ON accounts.members (user_id, created_at);

CREATE TABLE accounts.sessions (
    id uuid PRIMARY KEY,
    token_digest bytea NOT NULL UNIQUE CHECK (octet_length(token_digest) = 32),
    user_id uuid NOT NULL REFERENCES accounts.users (id),
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    ended_at timestamptz,
    ended_why text,
    user_agent text NOT NULL,
    ip text NOT NULL,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX sessions_user ON accounts.sessions (user_id, last_seen_at DESC);

CREATE TABLE accounts.attempts (
    bucket text PRIMARY KEY,
    window_started_at timestamptz NOT NULL,
    count integer NOT NULL CHECK (count >= 0)
);
CREATE INDEX attempts_window ON accounts.attempts (window_started_at);

CREATE TABLE accounts.api_keys (
    id uuid PRIMARY KEY,
    key_id text NOT NULL UNIQUE CHECK (length(key_id) = 8),
    secret_digest bytea NOT NULL CHECK (octet_length(secret_digest) = 32),
    customer_id uuid REFERENCES accounts.customers (id),
    name text NOT NULL CHECK (name <> ''),
    scopes text[] NOT NULL CHECK (
        cardinality(scopes) > 0
        AND scopes <@ ARRAY['events:write', 'usage:read', 'billing:read', 'catalog:read', 'admin']
    ),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_customer ON accounts.api_keys (customer_id);

CREATE TABLE accounts.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX audit_target ON accounts.audit (target, id DESC);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts.audit
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();
"""

DOWN = """
DROP SCHEMA accounts CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
