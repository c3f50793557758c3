"""Prices by meter dimension: a price and a rating may be for the use of one cell of a meter."""

from alembic import op

revision = "0020_price_cells"
down_revision = "0019_wallet"

UP = """
-- {}: the whole meter, or what its cells leave. {"match": {"model": ["large"]}}: the use with these values.
ALTER TABLE catalog.prices
    ADD COLUMN cell jsonb NOT NULL DEFAULT '{}' CHECK (cell = '{}' OR jsonb_typeof(cell -> 'match') = 'object'),
    -- Allowance, minimum and cap are the meter's: they stand with the price that the cells belong to.
    ADD CONSTRAINT prices_cell_is_a_model CHECK (cell = '{}' OR (
        kind = 'usage' AND overage_allowed AND included = 0 AND num_nonnulls(minimum_minor, cap_minor) = 0
    ));
DROP INDEX catalog.prices_one_usage;
CREATE UNIQUE INDEX prices_one_usage ON catalog.prices (plan_version_id, currency, meter, cell) WHERE kind = 'usage';

-- Older code, which knows no cells, would rate a whole meter for each of them: the key refuses the second.
ALTER TABLE billing.rated_usage
    ADD COLUMN cell jsonb NOT NULL DEFAULT '{}' CHECK (cell = '{}' OR jsonb_typeof(cell -> 'match') = 'object'),
    DROP CONSTRAINT rated_usage_period_id_meter_revision_key,
    ADD CONSTRAINT rated_usage_once_per_revision UNIQUE (period_id, meter, cell, revision);
"""

DOWN = """
ALTER TABLE billing.rated_usage
    DROP CONSTRAINT rated_usage_once_per_revision,
    ADD CONSTRAINT rated_usage_period_id_meter_revision_key UNIQUE (period_id, meter, revision),
    DROP COLUMN cell;

DROP INDEX catalog.prices_one_usage;
CREATE UNIQUE INDEX prices_one_usage ON catalog.prices (plan_version_id, currency, meter) WHERE kind = 'usage';
ALTER TABLE catalog.prices DROP CONSTRAINT prices_cell_is_a_model, DROP COLUMN cell;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
