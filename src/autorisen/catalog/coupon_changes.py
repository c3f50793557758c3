"""What applying a catalog file would change about coupons. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autorisen.catalog.coupons import Coupon, coupon_terms
from autorisen.catalog.plan_changes import Change, difference


def coupon_changes(current: Sequence[Coupon], wanted: Sequence[Coupon]) -> list[Change]:
    """What applying a file with these coupons would do to the newest version of each. They change at once."""
    newest = {coupon.key: coupon for coupon in current}
    changes = []
    for coupon in wanted:
        known, after = newest.pop(coupon.key, None), _flat(coupon)
        if known is None:
            changes.append(Change("add", coupon.key, 1, difference({}, after)))
        elif known.retired or _flat(known) != after:
            lines = difference({} if known.retired else _flat(known), after)
            changes.append(Change("change", coupon.key, known.version + 1, lines))
    for gone in newest.values():
        if not gone.retired:
            changes.append(Change("retire", gone.key, gone.version + 1, ("no longer in the file",)))
    return changes


def next_versions(current: Sequence[Coupon], wanted: Sequence[Coupon], changes: Sequence[Change]) -> list[Coupon]:
    """The versions that these changes add; their ids are still to be given."""
    drafts = {coupon.key: coupon for coupon in wanted}
    known = {coupon.key: replace(coupon, retired=True) for coupon in current}
    return [replace(drafts.get(each.plan_key) or known[each.plan_key], version=each.version) for each in changes]


def _flat(coupon: Coupon) -> dict[str, str]:
    found: dict[str, str] = {}
    for term, value in coupon_terms(coupon).items():
        if not isinstance(value, dict):
            found[term] = ", ".join(value) if isinstance(value, list) else str(value)
            continue
        for key, inner in value.items():
            told = inner if isinstance(inner, dict) else {"": inner}
            found |= {f"{term}.{key}.{name}".rstrip("."): str(each) for name, each in told.items()}
    return found
