"""What applying a catalog file would change, term by term. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autorisen.catalog.model import AddonPrice, CatalogFile, FlatPrice, PlanDraft, PlanVersion, UsagePrice
from autorisen.catalog.price_models import MODEL_NAMES, Package, Percentage, PerUnit, PriceModel
from autorisen.kit.money import plain


@dataclass(frozen=True)
class Change:
    """One plan that an apply would add, change or retire, with a line per changed term."""

    kind: Literal["add", "change", "retire"]
    plan_key: str
    version: int
    lines: tuple[str, ...]


def terms(plan: PlanVersion | PlanDraft) -> dict[str, str]:
    """Every term of a plan as text, by its path: two plans are the same offer exactly when these are equal."""
    found = {
        "name": plan.name,
        "tagline": plan.tagline,
        "rank": str(plan.rank),
        "default": str(plan.is_default).lower(),
        "features": " | ".join(plan.features),
    }
    if plan.trial_days is not None:
        found["trial_days"] = str(plan.trial_days)
    for limit, value in plan.limits.items():
        found[f"limits.{limit}"] = "unlimited" if value is None else str(value)
    for price in plan.prices:
        if isinstance(price, FlatPrice):
            found[f"price.{price.currency}.{price.interval}"] = str(price.amount)
        elif isinstance(price, AddonPrice):
            found |= _addon_terms(price)
        else:
            path = f"usage.{price.meter}.{price.currency}"
            found |= {f"{path}.{term}": value for term, value in _usage_terms(price).items()}
    return found


def _addon_terms(price: AddonPrice) -> dict[str, str]:
    path = f"addon.{price.key}"
    raised = {f"{path}.raises.{limit}": str(by) for limit, by in price.raises}
    named = {f"{path}.name": price.name, f"{path}.unit": price.unit_label, f"{path}.max": str(price.max_quantity)}
    return named | raised | {f"{path}.{price.currency}.{price.interval}": str(price.amount)}


def _usage_terms(price: UsagePrice) -> dict[str, str]:
    found = {"included": f"{plain(price.included)} {price.unit_label}"} | _model_terms(price.model)
    for each in price.cells:
        found |= {f"[{each.cell.name}].{term}": value for term, value in _model_terms(each.model).items()}
    found["overage"] = "allowed" if price.overage_allowed else "refused"
    if price.minimum is not None:
        found["minimum"] = str(price.minimum)
    if price.cap is not None:
        found["cap"] = str(price.cap)
    return found


def _model_terms(model: PriceModel) -> dict[str, str]:
    match model:
        case PerUnit():
            return {"unit_amount": f"{plain(model.unit_amount)} minor units"}
        case Package():
            terms = {"package": f"{plain(model.amount)} minor units per {plain(model.size)}"}
        case Percentage():
            terms = {
                "percent": f"{plain(model.rate * 100)} %",
                "fee": f"{plain(model.fee)} minor units per event",
            }
        case _:
            terms = {}
            for number, tier in enumerate(model.tiers, start=1):
                bound = "above" if tier.up_to is None else f"up to {plain(tier.up_to)}"
                fee = f" and {plain(tier.fee)} once" if tier.fee else ""
                terms[f"tier.{number}"] = f"{bound}: {plain(tier.unit_amount)} minor units{fee}"
    return {"model": MODEL_NAMES[type(model)]} | terms


def _cell_order(plan: PlanVersion | PlanDraft) -> dict[str, tuple[str, ...]]:
    """The cells of each price in their order, which decides who draws first on the allowance, and who takes a use."""
    return {
        f"usage.{price.meter}.{price.currency}": tuple(each.cell.name for each in price.cells)
        for price in plan.prices
        if isinstance(price, UsagePrice)
    }


def plan_changes(current: Sequence[PlanVersion], file: CatalogFile) -> list[Change]:
    """What applying the file would do to the newest version of each plan. Nothing to do gives an empty list."""
    newest = {plan.plan_key: plan for plan in current}
    changes: list[Change] = []
    for draft in file.plans:
        known = newest.pop(draft.plan_key, None)
        after = terms(draft)
        if known is None:
            changes.append(Change("add", draft.plan_key, 1, difference({}, after)))
        elif known.retired or terms(known) != after or _cell_order(known) != _cell_order(draft):
            lines = difference({} if known.retired else terms(known), after)
            changes.append(Change("change", draft.plan_key, known.version + 1, lines or _reordered(known, draft)))
    for gone in newest.values():
        if not gone.retired:
            changes.append(
                Change(
                    "retire",
                    gone.plan_key,
                    gone.version + 1,
                    ("no longer in the file",),
                )
            )
    return changes


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each term that differs."""
    lines = []
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = before.get(path), after.get(path)
        if old is None:
            lines.append(f"+ {path}: {new}")
        elif new is None:
            lines.append(f"- {path}: {old}")
        elif old != new:
            lines.append(f"~ {path}: {old} -> {new}")
    return tuple(lines)


def _reordered(known: PlanVersion, draft: PlanDraft) -> tuple[str, ...]:
    before, after = _cell_order(known), _cell_order(draft)
    return tuple(f"~ {path}: the order of its cells" for path in after if after[path] != before[path])
