"""Apply a catalog file: new immutable versions for what changed, nothing for what did not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen.catalog import store
from autorisen.catalog.errors import EffectiveDatePassed
from autorisen.catalog.model import UNSAVED, CatalogFile, PlanDraft, PlanVersion, Price, UsagePrice
from autorisen.catalog.plan_changes import Change, plan_changes
from autorisen.kit.unit import Unit


async def apply_catalog(unit: Unit, catalog_file: CatalogFile) -> list[Change]:
    """Make the file what is sold from its effective date (default: now) on. Applied twice, nothing changes twice.

    Concurrent applies wait for each other. Raises `EffectiveDatePassed` when changed terms would start in the past,
    or before the version that they follow; a plan's first version may start at any time.
    """
    await store.lock_catalog(unit.tx)
    newest = {plan.plan_key: plan for plan in await store.newest_plans(unit.tx)}
    changes = plan_changes(list(newest.values()), catalog_file)
    drafts = {draft.plan_key: draft for draft in catalog_file.plans}
    effective_from = catalog_file.effective_from or unit.now
    require_order(newest.values(), changes, effective_from, unit.now)
    for change in changes:
        if change.kind == "retire":
            after = replace(newest[change.plan_key], version=change.version, is_default=False, retired=True)
        else:
            after = _version_of(drafts[change.plan_key], change.version, effective_from)
        prices = tuple(_identified(price, unit.ids.new) for price in after.prices)
        after = replace(after, id=unit.ids.new(), prices=prices, effective_from=effective_from)
        await store.insert_plan_version(unit.tx, after, unit.now)
    return changes


def _identified(price: Price, new_id: Callable[[], UUID]) -> Price:
    """The price with ids: its own, and one for each cell, which lines of invoices will name."""
    if isinstance(price, UsagePrice):
        return replace(price, id=new_id(), cells=tuple(replace(cell, id=new_id()) for cell in price.cells))
    return replace(price, id=new_id())


def require_order(
    newest: Iterable[PlanVersion], changes: Sequence[Change], effective_from: datetime, now: datetime
) -> None:
    """Raises `EffectiveDatePassed` when changes would start in the past, or before the version that they follow."""
    changed = {change.plan_key for change in changes}
    for before in newest:
        earliest = max(before.effective_from, now)
        if before.plan_key in changed and effective_from < earliest:
            raise EffectiveDatePassed(
                f"the new terms of {before.plan_key} may start at {earliest.isoformat()} or later, "
                f"not at {effective_from.isoformat()}"
            )


def _version_of(draft: PlanDraft, version: int, effective_from: datetime) -> PlanVersion:
    return PlanVersion(
        id=UNSAVED,
        plan_key=draft.plan_key,
        version=version,
        name=draft.name,
        tagline=draft.tagline,
        rank=draft.rank,
        is_default=draft.is_default,
        limits=draft.limits,
        features=draft.features,
        prices=draft.prices,
        effective_from=effective_from,
        trial_days=draft.trial_days,
    )
