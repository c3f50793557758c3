"""All SQL of the catalog: versions and prices are inserted once and read by time or id, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from autorisen.catalog.cells import Cell
from autorisen.catalog.errors import NoDefaultPlan, PlanNotFound
from autorisen.catalog.model import LIMITS, AddonPrice, CellPrice, FlatPrice, PlanVersion, Price, UsagePrice
from autorisen.catalog.price_models import PerUnit, PriceModel
from autorisen.catalog.price_rows import cell_of, cell_row, model_of, model_row
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

LOCK_CATALOG: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('autorisen.catalog.apply', 0))"

CURRENT_VERSIONS: LiteralString = """
    SELECT * FROM (
        SELECT DISTINCT ON (plan_key) *
        FROM catalog.plan_versions
        WHERE effective_from <= %(at)s::timestamptz
        ORDER BY plan_key, version DESC
    ) AS newest
    WHERE NOT retired
    ORDER BY rank, plan_key
"""

NEWEST_VERSIONS: LiteralString = """
    SELECT DISTINCT ON (plan_key) * FROM catalog.plan_versions ORDER BY plan_key, version DESC
"""

VERSIONS_BY_ID: LiteralString = "SELECT * FROM catalog.plan_versions WHERE id = ANY(%(ids)s::uuid[])"

VERSIONS_OF: LiteralString = "SELECT * FROM catalog.plan_versions WHERE plan_key = %(key)s ORDER BY version"

VERSIONS_OF_PRICES: LiteralString = "SELECT id, plan_version_id FROM catalog.prices WHERE id = ANY(%(ids)s::uuid[])"

PRICED_METERS: LiteralString = "SELECT DISTINCT meter FROM catalog.prices WHERE kind = 'usage' ORDER BY meter"

PRICES_OF_VERSIONS: LiteralString = """
    SELECT * FROM catalog.prices
    WHERE plan_version_id = ANY(%(ids)s::uuid[])
    ORDER BY plan_version_id, position
"""

INSERT_VERSION: LiteralString = """
    INSERT INTO catalog.plan_versions (
        id, plan_key, version, name, tagline, rank, is_default, retired, limits, features, effective_from, created_at,
        trial_days
    ) VALUES (
        %(id)s, %(plan_key)s, %(version)s, %(name)s, %(tagline)s, %(rank)s, %(is_default)s, %(retired)s,
        %(limits)s, %(features)s, %(effective_from)s, %(created_at)s, %(trial_days)s
    )
"""

INSERT_PRICE: LiteralString = """
    INSERT INTO catalog.prices (
        id, plan_version_id, position, currency, kind, billing_interval, amount_minor,
        meter, included, unit_amount, model, unit_label, overage_allowed, minimum_minor, cap_minor, cell,
        addon
    ) VALUES (
        %(id)s, %(plan_version_id)s, %(position)s, %(currency)s, %(kind)s, %(billing_interval)s, %(amount_minor)s,
        %(meter)s, %(included)s, %(unit_amount)s, %(model)s, %(unit_label)s, %(overage_allowed)s, %(minimum_minor)s,
        %(cap_minor)s, %(cell)s, %(addon)s
    )
"""


async def lock_catalog(tx: Tx) -> None:
    """Until the transaction ends, no other apply can run."""
    await tx.execute(LOCK_CATALOG)


async def current_plans(tx: Tx, at: datetime) -> list[PlanVersion]:
    """What is sold at that time, by rank."""
    return await _versions(tx, CURRENT_VERSIONS, {"at": at})


async def current_plan(tx: Tx, key: str, at: datetime) -> PlanVersion:
    """The version of that plan that is sold at that time. Raises `PlanNotFound`."""
    found = next((plan for plan in await current_plans(tx, at) if plan.plan_key == key), None)
    if found is None:
        raise PlanNotFound(f"no plan with the key {key} is sold")
    return found


async def default_plan(tx: Tx, at: datetime) -> PlanVersion:
    """The plan that everybody starts on. Raises `NoDefaultPlan` before the first apply."""
    found = next((plan for plan in await current_plans(tx, at) if plan.is_default), None)
    if found is None:
        raise NoDefaultPlan("run `autorisen catalog apply` first")
    return found


async def newest_plans(tx: Tx) -> list[PlanVersion]:
    """The newest version of every plan that ever was, retired and future ones too."""
    return await _versions(tx, NEWEST_VERSIONS, {})


async def priced_meters(tx: Tx) -> list[str]:
    """The meters that any version of any plan prices or ever priced: subscriptions keep old versions for years."""
    return [meter for (meter,) in await (await tx.execute(PRICED_METERS)).fetchall()]


async def plan_version(tx: Tx, version_id: UUID) -> PlanVersion:
    """One version, whether it is still sold or not. Raises `PlanNotFound`."""
    found = await plan_versions_by_id(tx, [version_id])
    if version_id not in found:
        raise PlanNotFound("no plan version has that id")
    return found[version_id]


async def plan_versions_by_id(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, PlanVersion]:
    """The versions with these ids; ids that do not exist are left out."""
    return {plan.id: plan for plan in await _versions(tx, VERSIONS_BY_ID, {"ids": list(ids)})}


async def versions_of(tx: Tx, key: str) -> list[PlanVersion]:
    """Every version of a plan, the oldest first; none for a key that never was a plan."""
    return await _versions(tx, VERSIONS_OF, {"key": key})


async def plans_of_prices(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, PlanVersion]:
    """The version that each of these prices belongs to, by price; prices of cells are prices too."""
    rows = await (await tx.execute(VERSIONS_OF_PRICES, {"ids": list(ids)})).fetchall()
    plans = await plan_versions_by_id(tx, {version_id for _, version_id in rows})
    return {id: plans[version_id] for id, version_id in rows}


async def insert_plan_version(tx: Tx, plan: PlanVersion, created_at: datetime) -> None:
    """Add a version with its prices; no later transaction can add one to it."""
    version = {
        "id": plan.id,
        "plan_key": plan.plan_key,
        "version": plan.version,
        "name": plan.name,
        "tagline": plan.tagline,
        "rank": plan.rank,
        "is_default": plan.is_default,
        "retired": plan.retired,
        "limits": Jsonb(dict(plan.limits)),
        "features": Jsonb(list(plan.features)),
        "effective_from": plan.effective_from,
        "created_at": created_at,
        "trial_days": plan.trial_days,
    }
    await tx.execute(INSERT_VERSION, version)
    rows = [row | {"plan_version_id": plan.id} for price in plan.prices for row in _price_rows(price)]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_PRICE, [row | {"position": position} for position, row in enumerate(rows)])


async def _versions(tx: Tx, query: LiteralString, values: dict[str, object]) -> list[PlanVersion]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        versions = await (await cursor.execute(query, values)).fetchall()
        ids = [row["id"] for row in versions]
        prices: dict[UUID, list[Price]] = {each: [] for each in ids}
        for row in await (await cursor.execute(PRICES_OF_VERSIONS, {"ids": ids})).fetchall():
            found = prices[row["plan_version_id"]]
            cell = cell_of(row["cell"])
            if cell is None:
                found.append(_price(row))
            else:
                found[-1] = _with_cell(found[-1], cell, row)
    return [_plan_version(row, tuple(prices[row["id"]])) for row in versions]


def _plan_version(row: dict[str, Any], prices: tuple[Price, ...]) -> PlanVersion:
    return PlanVersion(
        id=row["id"],
        plan_key=row["plan_key"],
        version=row["version"],
        name=row["name"],
        tagline=row["tagline"],
        rank=row["rank"],
        is_default=row["is_default"],
        # jsonb keeps no order; people read limits in this one.
        limits={limit: row["limits"][limit] for limit in LIMITS if limit in row["limits"]},
        features=tuple(row["features"]),
        prices=prices,
        effective_from=row["effective_from"],
        retired=row["retired"],
        trial_days=row["trial_days"],
    )


def _price(row: dict[str, Any]) -> Price:
    currency = row["currency"]
    if row["kind"] == "flat":
        return FlatPrice(
            row["id"],
            currency,
            row["billing_interval"],
            Money(row["amount_minor"], currency),
        )
    if row["kind"] == "addon":
        return _addon(row)
    return UsagePrice(
        row["id"],
        currency,
        row["meter"],
        row["included"],
        model_of(row["model"], row["unit_amount"]),
        row["unit_label"],
        row["overage_allowed"],
        _money(row["minimum_minor"], currency),
        _money(row["cap_minor"], currency),
    )


def _addon(row: dict[str, Any]) -> AddonPrice:
    terms, currency = row["addon"], row["currency"]
    return AddonPrice(
        id=row["id"],
        currency=currency,
        interval=row["billing_interval"],
        amount=Money(row["amount_minor"], currency),
        key=terms["key"],
        name=terms["name"],
        unit_label=terms["unit"],
        max_quantity=terms["max"],
        # jsonb keeps no order; people read limits in this one.
        raises=tuple((limit, terms["raises"][limit]) for limit in LIMITS if limit in terms["raises"]),
    )


def _addon_terms(price: AddonPrice) -> dict[str, object]:
    named = {"key": price.key, "name": price.name, "unit": price.unit_label, "max": price.max_quantity}
    return named | {"raises": dict(price.raises)}


def _with_cell(price: Price, cell: Cell, row: dict[str, Any]) -> Price:
    """The usage price with one more cell; cells follow the price that they belong to."""
    assert isinstance(price, UsagePrice), "a cell is stored right after its price"
    priced = CellPrice(row["id"], cell, model_of(row["model"], row["unit_amount"]))
    return replace(price, cells=(*price.cells, priced))


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def _price_rows(price: Price) -> list[dict[str, object]]:
    """The row of a price and, after it, those of its cells."""
    empty: dict[str, object] = dict.fromkeys(_PRICE_COLUMNS)
    empty |= {"id": price.id, "currency": price.currency, "cell": Jsonb({}), "addon": Jsonb({})}
    if not isinstance(price, UsagePrice):
        flat = empty | {"kind": "flat", "billing_interval": price.interval, "amount_minor": price.amount.minor}
        addon = {} if isinstance(price, FlatPrice) else {"kind": "addon", "addon": Jsonb(_addon_terms(price))}
        return [flat | addon]
    usage = empty | {
        "kind": "usage",
        "meter": price.meter,
        "included": price.included,
        "unit_label": price.unit_label,
        "overage_allowed": price.overage_allowed,
    }
    whole = _model_columns(price.model) | {
        "minimum_minor": None if price.minimum is None else price.minimum.minor,
        "cap_minor": None if price.cap is None else price.cap.minor,
    }
    cells = [
        _model_columns(each.model) | {"id": each.id, "included": 0, "cell": Jsonb(cell_row(each.cell))}
        for each in price.cells
    ]
    return [usage | columns for columns in (whole, *cells)]


_PRICE_COLUMNS = (
    "billing_interval", "amount_minor", "meter", "included", "unit_amount", "model", "unit_label", "overage_allowed",
    "minimum_minor", "cap_minor",
)  # fmt: skip


def _model_columns(model: PriceModel) -> dict[str, object]:
    if isinstance(model, PerUnit):
        return {"unit_amount": model.unit_amount}
    return {"model": Jsonb(model_row(model))}
