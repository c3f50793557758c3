"""Read the `[[coupon]]` tables of a catalog file."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal

from autorisen.catalog.coupons import DURATIONS, FOR_EVER, SCOPES, Coupon, CouponCode
from autorisen.catalog.load_price_model import currency_of, money_of
from autorisen.catalog.model import UNSAVED
from autorisen.catalog.toml_table import Table
from autorisen.kit.money import EXPONENTS, Money

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Read aloud and typed by people: no lower case, no spaces.
CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}")
INVOICES_MAX = 120
REDEMPTIONS_MAX = 1_000_000_000
PERCENT_MAX = 100


def coupons(root: Table, plan_keys: Collection[str]) -> tuple[Coupon, ...]:
    """Every coupon of the file. Keys and codes are unique in it."""
    found = [_coupon(table, plan_keys) for table in root.tables("coupon")]
    root.refuse_repeats("coupon", [(coupon.key,) for coupon in found])
    root.refuse_repeats("coupon", [("the code", code.code) for coupon in found for code in coupon.codes])
    return tuple(found)


def _coupon(table: Table, plan_keys: Collection[str]) -> Coupon:
    key, name = table.text("key", pattern=KEY), table.text("name")
    percent, amounts = _percent(table), _amounts(table)
    if (percent is None) == (not amounts):
        table.fail("percent", "must stand alone: a coupon takes off a percent or an amount, and one of them")
    duration = table.choice("duration", DURATIONS)
    invoices = table.whole("invoices") if duration == "repeating" else 1 if duration == "once" else FOR_EVER
    if duration == "repeating" and "invoices" in table.raw and not 2 <= invoices <= INVOICES_MAX:
        table.fail("invoices", f"must be from 2 to {INVOICES_MAX}")
    scope = table.choice("on", SCOPES) if "on" in table.raw else SCOPES[0]
    coupon = Coupon(
        id=UNSAVED,
        key=key,
        version=1,
        name=name,
        percent=percent,
        amounts=amounts,
        duration=next(each for each in DURATIONS if each == duration),
        invoices=invoices,
        scope=next(each for each in SCOPES if each == scope),
        plans=_some_of(table, "plans", plan_keys, "the key of a [[plan]] in this file"),
        currencies=_some_of(table, "currencies", EXPONENTS, f"one of {', '.join(EXPONENTS)}"),
        first_time=table.flag("first_time", fallback=False),
        one_per_customer=table.flag("one_per_customer", fallback=True),
        codes=tuple(sorted((_code(each) for each in table.tables("code", required=True)), key=lambda code: code.code)),
    )
    table.refuse_unknown()
    return coupon


def _percent(table: Table) -> Decimal | None:
    if "percent" not in table.raw:
        return None
    percent = table.amount("percent", places=2)
    if isinstance(table.raw["percent"], str) and not 0 < percent <= PERCENT_MAX:
        table.fail("percent", f"must be more than 0 and at most {PERCENT_MAX}")
    return (percent / 100).normalize()


def _amounts(table: Table) -> tuple[Money, ...]:
    found: list[Money] = []
    for each in table.tables("amount"):
        currency = currency_of(each)
        amount = money_of(each, "amount", currency)
        if not amount:
            each.fail("amount", "must be more than zero")
        if any(other.currency == currency for other in found):
            each.fail("currency", "must not be repeated in one table")
        found.append(amount)
        each.refuse_unknown()
    return tuple(sorted(found, key=lambda amount: amount.currency))


def _some_of(table: Table, key: str, known: Collection[str], what: str) -> tuple[str, ...]:
    if key not in table.raw:
        return ()
    found = table.texts(key)
    for each in found:
        if each not in known:
            table.fail(key, f"must name {what}, not {each}")
    return tuple(sorted(set(found)))


def _code(table: Table) -> CouponCode:
    code = table.text("code", pattern=CODE)
    limit = table.whole("max_redemptions", most=REDEMPTIONS_MAX) if "max_redemptions" in table.raw else None
    if limit == 0 and not table.raw["max_redemptions"]:
        table.fail("max_redemptions", "must be more than zero, or left out")
    since, until = table.instant("valid_from"), table.instant("valid_until")
    if since is not None and until is not None and until <= since:
        table.fail("valid_until", "must be later than valid_from")
    table.refuse_unknown()
    return CouponCode(code, limit, since, until)
