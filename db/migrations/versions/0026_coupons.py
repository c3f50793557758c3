"""Coupons: what the catalog offers, who redeemed which code, and which invoice used it."""

from alembic import op

revision = "0026_coupons"
down_revision = "0025_closings_of_payer"

UP = """
CREATE TABLE catalog.coupon_versions (
    id uuid PRIMARY KEY,
    coupon_key text NOT NULL CHECK (coupon_key <> ''),
    version integer NOT NULL CHECK (version > 0),
    terms jsonb NOT NULL CHECK (jsonb_typeof(terms) = 'object'),
    retired boolean NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (coupon_key, version)
);
CREATE TRIGGER coupon_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.coupon_versions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- One row a code: redeemers wait here for each other, so that each gets the next number.
CREATE TABLE billing.coupon_codes (
    code text PRIMARY KEY CHECK (code <> ''),
    redeemed integer NOT NULL CHECK (redeemed >= 0)
);

CREATE TABLE billing.redemptions (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES accounts.customers (id),
    coupon_version_id uuid NOT NULL REFERENCES catalog.coupon_versions (id),
    coupon_key text NOT NULL,
    code text NOT NULL REFERENCES billing.coupon_codes (code),
    number integer NOT NULL CHECK (number > 0),
    number_max integer CHECK (number <= number_max),
    -- On how many invoices it takes something off.
    uses_max integer NOT NULL CHECK (uses_max > 0),
    one_per_customer boolean NOT NULL,
    scope text NOT NULL CHECK (scope IN ('all', 'fees')),
    redeemed_at timestamptz NOT NULL,
    UNIQUE (code, number),
    UNIQUE (id, uses_max)
);
CREATE UNIQUE INDEX redemptions_one_per_customer ON billing.redemptions (coupon_key, customer_id)
    WHERE one_per_customer;
CREATE INDEX redemptions_of_customer ON billing.redemptions (customer_id, redeemed_at);
CREATE TRIGGER redemptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.redemptions
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

-- What a coupon took off, once an invoice and never more often than it may; without an invoice where nothing was left.
CREATE TABLE billing.coupon_uses (
    redemption_id uuid NOT NULL,
    uses_max integer NOT NULL,
    number integer NOT NULL CHECK (number BETWEEN 1 AND uses_max),
    period_id uuid NOT NULL REFERENCES subscriptions.periods (id),
    invoice_id uuid REFERENCES billing.invoices (id),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    used_at timestamptz NOT NULL,
    PRIMARY KEY (redemption_id, number),
    UNIQUE (redemption_id, invoice_id),
    FOREIGN KEY (redemption_id, uses_max) REFERENCES billing.redemptions (id, uses_max)
);
CREATE TRIGGER coupon_uses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.coupon_uses
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

ALTER TABLE billing.invoice_lines
    ADD COLUMN redemption_id uuid REFERENCES billing.redemptions (id),
    ALTER COLUMN price_id DROP NOT NULL,
    DROP CONSTRAINT invoice_lines_kind_check,
    ADD CONSTRAINT invoice_lines_kind_check
        CHECK (kind IN ('flat_fee', 'usage', 'proration_credit', 'usage_adjustment', 'discount')),
    -- A discount has a coupon where everything else has a price, and only ever takes off.
    ADD CONSTRAINT invoice_lines_discount CHECK (CASE kind
        WHEN 'discount' THEN redemption_id IS NOT NULL AND price_id IS NULL AND amount_minor < 0
        ELSE redemption_id IS NULL AND price_id IS NOT NULL
    END);
CREATE UNIQUE INDEX invoice_lines_once_per_coupon ON billing.invoice_lines (invoice_id, redemption_id)
    WHERE redemption_id IS NOT NULL;
"""

DOWN = """
DROP INDEX billing.invoice_lines_once_per_coupon;
ALTER TABLE billing.invoice_lines
    DROP CONSTRAINT invoice_lines_discount,
    DROP CONSTRAINT invoice_lines_kind_check,
    ADD CONSTRAINT invoice_lines_kind_check
        CHECK (kind IN ('flat_fee', 'usage', 'proration_credit', 'usage_adjustment')),
    ALTER COLUMN price_id SET NOT NULL,
    DROP COLUMN redemption_id;
DROP TABLE billing.coupon_uses;
DROP TABLE billing.redemptions;
DROP TABLE billing.coupon_codes;
DROP TABLE catalog.coupon_versions;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
