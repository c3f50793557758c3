"""The tables of catalog."""

from alembic import op

revision = "0003_catalog"
down_revision = "0002_accounts"

UP = """
CREATE SCHEMA catalog;

CREATE TABLE catalog.plan_versions (
    id uuid PRIMARY KEY,
    plan_key text NOT NULL CHECK (plan_key <> ''),
    version integer NOT NULL CHECK (version > 0),
    name text NOT NULL,
    tagline text NOT NULL,
    rank integer NOT NULL CHECK (rank >= 0),
    is_default boolean NOT NULL,
    retired boolean NOT NULL,
    limits jsonb NOT NULL,
    features jsonb NOT NULL,
    effective_from timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    -- The transaction that made the version: its prices may come from no later one.
    created_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (plan_key, version),
    CHECK (NOT (retired AND is_default))
);
CREATE TRIGGER plan_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.plan_versions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE TABLE catalog.prices (
    id uuid PRIMARY KEY,
    plan_version_id uuid NOT NULL REFERENCES catalog.plan_versions (id),
    position integer NOT NULL CHECK (position >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind text NOT NULL CHECK (kind IN ('flat', 'usage')),
    billing_interval text CHECK (billing_interval IN ('month', 'year')),
    amount_minor bigint CHECK (amount_minor >= 0),
    meter text,
    included numeric CHECK (included >= 0),
    unit_amount numeric CHECK (unit_amount >= 0),
    unit_label text,
    overage_allowed boolean,
    UNIQUE (plan_version_id, position),
    CHECK (CASE kind
        WHEN 'flat' THEN num_nulls(billing_interval, amount_minor) = 0
            AND num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed) = 0
        ELSE num_nulls(meter, included, unit_amount, unit_label, overage_allowed) = 0
            AND num_nonnulls(billing_interval, amount_minor) = 0
    END)
);
CREATE UNIQUE INDEX prices_one_flat ON catalog.prices (plan_version_id, currency, billing_interval)
    WHERE kind = 'flat';
CREATE UNIQUE INDEX prices_one_usage ON catalog.prices (plan_version_id, currency, meter) WHERE kind = 'usage';
CREATE TRIGGER prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.prices
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

CREATE FUNCTION catalog.forbid_later_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM catalog.plan_versions
        WHERE id = NEW.plan_version_id AND created_in = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'a price comes with its plan version: new terms are a new version'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER prices_with_their_version BEFORE INSERT ON catalog.prices
    FOR EACH ROW EXECUTE FUNCTION catalog.forbid_later_price();
"""

DOWN = """
DROP SCHEMA catalog CASCADE;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
