"""Plans and prices, and the pure rating of usage.

Owns the PostgreSQL schema `catalog`: `plan_versions`, `prices` and `coupon_versions`, all append-only. What is offered
is a file (`catalog.toml`), applied like infrastructure: `plan_changes` shows what would change, `apply_catalog` adds
immutable versions with an effective date. Records no facts: a subscription keeps the version it was sold.
"""

from autorisen.catalog.apply_catalog import apply_catalog, require_order
from autorisen.catalog.apply_coupons import apply_coupons
from autorisen.catalog.cells import REST, Cell, Used, split
from autorisen.catalog.coupon_changes import coupon_changes
from autorisen.catalog.coupons import FOR_EVER, Coupon, CouponCode, DiscountScope, Duration
from autorisen.catalog.describe_addons import AddonOffer, addon_offers, raised_words
from autorisen.catalog.describe_limits import LIMIT_NAMES, limit_words
from autorisen.catalog.describe_price import CellRow, cell_rows, part_words, price_words, rated_words
from autorisen.catalog.describe_switch import plan_words, switch_words
from autorisen.catalog.errors import (
    CatalogInvalid,
    EffectiveDatePassed,
    NoDefaultPlan,
    PlanNotFound,
)
from autorisen.catalog.load_catalog import load_catalog, shipped_catalog
from autorisen.catalog.model import (
    AddonPrice,
    CatalogFile,
    CellPrice,
    FlatPrice,
    Interval,
    PlanVersion,
    Price,
    UsagePrice,
    months_of,
)
from autorisen.catalog.plan_changes import Change, plan_changes
from autorisen.catalog.price_models import (
    Graduated,
    Package,
    Part,
    PartKind,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
    Volume,
)
from autorisen.catalog.price_rows import cell_of, cell_row, part_rows, parts_of
from autorisen.catalog.rate import WHOLE_PERIOD, Rated, rate, rate_cells
from autorisen.catalog.store import (
    current_plan,
    current_plans,
    default_plan,
    lock_catalog,
    newest_plans,
    plan_version,
    plan_versions_by_id,
    plans_of_prices,
    priced_meters,
    versions_of,
)
from autorisen.catalog.store_audit import flat_amounts
from autorisen.catalog.store_coupons import coupons_by_id, newest_coupons

__all__ = [
    "FOR_EVER",
    "LIMIT_NAMES",
    "REST",
    "WHOLE_PERIOD",
    "AddonOffer",
    "AddonPrice",
    "CatalogFile",
    "CatalogInvalid",
    "Cell",
    "CellPrice",
    "CellRow",
    "Change",
    "Coupon",
    "CouponCode",
    "DiscountScope",
    "Duration",
    "EffectiveDatePassed",
    "FlatPrice",
    "Graduated",
    "Interval",
    "NoDefaultPlan",
    "Package",
    "Part",
    "PartKind",
    "PerUnit",
    "Percentage",
    "PlanNotFound",
    "PlanVersion",
    "Price",
    "PriceModel",
    "Rated",
    "Tier",
    "UsagePrice",
    "Used",
    "Volume",
    "addon_offers",
    "apply_catalog",
    "apply_coupons",
    "cell_of",
    "cell_row",
    "cell_rows",
    "coupon_changes",
    "coupons_by_id",
    "current_plan",
    "current_plans",
    "default_plan",
    "flat_amounts",
    "limit_words",
    "load_catalog",
    "lock_catalog",
    "months_of",
    "newest_coupons",
    "newest_plans",
    "part_rows",
    "part_words",
    "parts_of",
    "plan_changes",
    "plan_version",
    "plan_versions_by_id",
    "plan_words",
    "plans_of_prices",
    "price_words",
    "priced_meters",
    "raised_words",
    "rate",
    "rate_cells",
    "rated_words",
    "require_order",
    "shipped_catalog",
    "split",
    "switch_words",
    "versions_of",
]
