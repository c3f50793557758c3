"""Prices in tiers, packages and shares, with a minimum and a cap; rated usage keeps the parts of its amount."""

from alembic import op

revision = "0016_price_models"
down_revision = "0015_reconciliation"

UP = """
-- What load_usage_price.py checks with words, once more: no price that leaves a use without one, or pays for it.
CREATE FUNCTION catalog.model_is_sound(model jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    tier jsonb;
    below numeric := 0;
    is_open boolean := false;
BEGIN
    CASE model ->> 'model'
    WHEN 'package' THEN
        RETURN coalesce((model ->> 'size')::numeric > 0 AND (model ->> 'amount')::numeric >= 0, false);
    WHEN 'percentage' THEN
        RETURN coalesce((model ->> 'rate')::numeric >= 0 AND (model ->> 'fee')::numeric >= 0, false);
    WHEN 'graduated', 'volume' THEN
        FOR tier IN SELECT value FROM jsonb_array_elements(model -> 'tiers') WITH ORDINALITY ORDER BY ordinality LOOP
            IF is_open OR NOT coalesce((tier ->> 'unit_amount')::numeric >= 0 AND (tier ->> 'fee')::numeric >= 0, false)
                OR (tier ->> 'up_to')::numeric <= below
            THEN
                RETURN false;
            END IF;
            below := (tier ->> 'up_to')::numeric;
            is_open := below IS NULL;
        END LOOP;
        RETURN is_open;
    ELSE
        RETURN false;
    END CASE;
END
$$;

ALTER TABLE catalog.prices
    ADD COLUMN model jsonb CHECK (catalog.model_is_sound(model)),
    ADD COLUMN minimum_minor bigint CHECK (minimum_minor > 0),
    ADD COLUMN cap_minor bigint CHECK (cap_minor > 0),
    ADD CONSTRAINT prices_cap_holds_minimum CHECK (cap_minor >= minimum_minor),
    DROP CONSTRAINT prices_check,
    -- A model without one price per unit has no unit_amount, so that no older code can charge by it.
    ADD CONSTRAINT prices_check CHECK (CASE kind
        WHEN 'flat' THEN num_nulls(billing_interval, amount_minor) = 0
            AND num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed, model, minimum_minor, cap_minor)
                = 0
        ELSE num_nulls(meter, included, unit_label, overage_allowed) = 0
            AND num_nonnulls(unit_amount, model) = 1
            AND (overage_allowed OR num_nonnulls(model, minimum_minor, cap_minor) = 0)
            AND num_nonnulls(billing_interval, amount_minor) = 0
    END);

CREATE FUNCTION billing.sum_of_parts(parts jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum((value ->> 'amount_minor')::numeric), 0) FROM jsonb_array_elements(parts)
$$;

ALTER TABLE billing.rated_usage
    ADD COLUMN parts jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(parts) = 'array'),
    ADD CONSTRAINT rated_usage_is_its_parts CHECK (parts = '[]' OR billing.sum_of_parts(parts) = amount_minor);
"""

DOWN = """
ALTER TABLE billing.rated_usage DROP COLUMN parts;
DROP FUNCTION billing.sum_of_parts(jsonb);

ALTER TABLE catalog.prices
    DROP CONSTRAINT prices_check,
    DROP COLUMN model,
    DROP COLUMN minimum_minor,
    DROP COLUMN cap_minor,
    ADD CONSTRAINT prices_check CHECK (CASE kind
        WHEN 'flat' THEN num_nulls(billing_interval, amount_minor) = 0
            AND num_nonnulls(meter, included, unit_amount, unit_label, overage_allowed) = 0
        ELSE num_nulls(meter, included, unit_amount, unit_label, overage_allowed) = 0
            AND num_nonnulls(billing_interval, amount_minor) = 0
    END);
DROP FUNCTION catalog.model_is_sound(jsonb);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
