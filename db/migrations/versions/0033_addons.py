"""Add-ons: extra items of a plan with a price of their own, and how many of each a subscription has since when."""

from alembic import op

revision = "0033_addons"
down_revision = "0032_revenue"

UP = """
ALTER TABLE catalog.prices
    ADD COLUMN addon jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT prices_addon_check CHECK ((kind = 'addon') = (addon <> '{}')),
    DROP CONSTRAINT prices_kind_check,
    ADD CONSTRAINT prices_kind_check CHECK (kind IN ('flat', 'usage', 'addon')),
    DROP CONSTRAINT prices_check,
    ADD CONSTRAINT prices_check CHECK (CASE kind
        WHEN 'usage' THEN num_nulls(meter, included, unit_label, overage_allowed) = 0
            AND num_nonnulls(unit_amount, model) = 1
            AND (overage_allowed OR num_nonnulls(model, minimum_minor, cap_minor) = 0)
            AND num_nonnulls(billing_interval, amount_minor) = 0
        ELSE num_nulls(billing_interval, amount_minor) = 0
            AND num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed, model, minimum_minor,
                cap_minor) = 0
    END);
CREATE UNIQUE INDEX prices_one_addon ON catalog.prices (plan_version_id, currency, billing_interval, (addon ->> 'key'))
    WHERE kind = 'addon';

-- How many of an add-on a subscription has from `since` on, until the next row: the key refuses a second next one.
CREATE TABLE subscriptions.addon_changes (
    subscription_id uuid NOT NULL REFERENCES subscriptions.subscriptions (id),
    addon_key text NOT NULL CHECK (addon_key <> ''),
    number integer NOT NULL CHECK (number > 0),
    quantity integer NOT NULL CHECK (quantity >= 0),
    since timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, addon_key, number)
);
CREATE TRIGGER addon_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subscriptions.addon_changes
    FOR EACH STATEMENT EXECUTE FUNCTION kit.forbid_change();

ALTER TABLE billing.invoice_lines
    DROP CONSTRAINT invoice_lines_kind_check,
    ADD CONSTRAINT invoice_lines_kind_check
        CHECK (kind IN ('flat_fee', 'usage', 'proration_credit', 'usage_adjustment', 'discount', 'addon')),
    ADD CONSTRAINT invoice_lines_addon CHECK (kind <> 'addon' OR (amount_minor > 0 AND quantity > 0));
CREATE UNIQUE INDEX invoice_lines_once_per_addon ON billing.invoice_lines (invoice_id, price_id) WHERE kind = 'addon';
"""

DOWN = """
DROP INDEX billing.invoice_lines_once_per_addon;
ALTER TABLE billing.invoice_lines
    DROP CONSTRAINT invoice_lines_addon,
    DROP CONSTRAINT invoice_lines_kind_check,
    ADD CONSTRAINT invoice_lines_kind_check
        CHECK (kind IN ('flat_fee', 'usage', 'proration_credit', 'usage_adjustment', 'discount'));
DROP TABLE subscriptions.addon_changes;
DROP INDEX catalog.prices_one_addon;
ALTER TABLE catalog.prices
    DROP CONSTRAINT prices_addon_check,
    DROP COLUMN addon,
    DROP CONSTRAINT prices_kind_check,
    ADD CONSTRAINT prices_kind_check CHECK (kind IN ('flat', 'usage')),
    DROP CONSTRAINT prices_check,
    ADD CONSTRAINT prices_check CHECK (CASE kind
        WHEN 'flat' THEN num_nulls(billing_interval, amount_minor) = 0
            AND num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed, model, minimum_minor,
                cap_minor) = 0
        ELSE num_nulls(meter, included, unit_label, overage_allowed) = 0
            AND num_nonnulls(unit_amount, model) = 1
            AND (overage_allowed OR num_nonnulls(model, minimum_minor, cap_minor) = 0)
            AND num_nonnulls(billing_interval, amount_minor) = 0
    END);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
