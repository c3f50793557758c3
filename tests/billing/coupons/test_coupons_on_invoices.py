"""Coupons on their whole way: taken off invoices, booked, explained, counted, and no way to get more than was paid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from autorisen import billing
from autorisen.accounts import Customer
from autorisen.billing import InvoiceStatus, LineKind
from autorisen.billing.coupons import (
    CouponCoversAll,
    CouponUse,
    Redemption,
    redeem_coupon,
    redemptions_of,
    use_coupons,
)
from autorisen.billing.model import Line
from autorisen.subscriptions import start_subscription
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text

THRICE = 'percent = "20"\nduration = "repeating"\ninvoices = 3'
HALF_FEES = 'percent = "50"\nduration = "forever"\non = "fees"'
WHOLE = 'percent = "100"\nduration = "once"'
ONCE = 'percent = "20"\nduration = "once"'


async def with_coupon(shop: Shop, terms: str, key: str = "acme") -> Customer:
    """A customer on Free who has redeemed a coupon."""
    customer = await shop.customer(key)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(terms)))
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    return customer


async def held(shop: Shop, customer: Customer) -> Redemption:
    async with shop.runtime.database.read() as tx:
        [found] = await redemptions_of(tx, customer.id)
    return found


def discounts(invoice: billing.Invoice) -> list[tuple[int, int]]:
    return [(line.amount.minor, line.tax.minor) for line in invoice.lines if line.kind is LineKind.DISCOUNT]


async def test_it_is_a_line_on_each_invoice_for_as_long_as_it_is_good(shop: Shop) -> None:
    customer = await with_coupon(shop, THRICE)
    await shop.upgrade(customer)
    await shop.use(customer, 2_500, at=shop.clock.now() + timedelta(hours=1))
    for _ in range(3):
        await shop.advance(days=31, hours=2)
    first, second, third, fourth = await shop.invoices(customer)
    assert [discounts(each) for each in (first, second, third, fourth)] == [
        [(-10_580, -1_380)],
        # A fifth of R529.00 and of R125.00 of usage.
        [(-13_080, -1_706)],
        [(-10_580, -1_380)],
        [],
    ]
    assert [each.total.minor for each in (first, second, third, fourth)] == [42_320, 52_320, 42_320, 52_900]
    assert {each.status for each in (first, second, third, fourth)} == {InvoiceStatus.PAID}
    assert second.lines[-1].description == "Launch offer (LAUNCH): 20 % off, for 3 invoices, 2 of 3"
    assert (await held(shop, customer)).uses_left == 0
    audited = await billing.audit(shop.runtime, actor="tests")
    assert (audited.findings, audited.cents) == (0, 0), audited.document
    assert await shop.balance("revenue:discounts") == (10_580 - 1_380) * 2 + (13_080 - 1_706)
    assert await shop.balance("tax:vat_output") == -sum(each.tax.minor for each in (first, second, third, fourth))
    assert await shop.balance(f"receivable:{customer.id}") == 0


async def test_it_is_shown_before_and_explained_after(shop: Shop) -> None:
    customer = await with_coupon(shop, THRICE)
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
        await make_member(unit, customer.id)
    coming = (await shop.client.get("/api/next-invoice", headers=headers)).json()
    assert [(line["kind"], line["amount_minor"]) for line in coming["lines"]] == [
        ("flat_fee", 52_900),
        ("discount", -10_580),
    ]
    invoice = (await shop.invoices(customer))[-1]
    told = (await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=headers)).json()["lines"]
    assert [line["coupon"] and (line["coupon"]["code"], line["coupon"]["percent"]) for line in told] == [
        None,
        ("LAUNCH", "0.2"),
    ]
    assert told[1]["price"] is None
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Launch offer (LAUNCH): 20 % off, for 3 invoices, 1 of 3" in page
    assert "per coupon" not in page
    upcoming = (await shop.client.get("/app/billing")).text
    assert "2 of 3" in upcoming
    assert (await shop.client.get(f"/app/invoices/{invoice.public_id}.pdf")).status_code == 200


async def test_a_period_that_is_paid_by_a_coupon_has_no_invoice_and_uses_it(shop: Shop) -> None:
    customer = await with_coupon(shop, WHOLE + '\nplans = ["pro"]')
    async with shop.runtime.unit() as unit:
        other = await make_customer(unit, key="other")
        await redeem_coupon(unit, customer_id=other.id, text="LAUNCH", actor="tests")
        # Put on Pro without a checkout: the first fee is invoiced, and a coupon pays it.
        await start_subscription(unit, customer=other, plan_key="pro")
    await shop.worker.drain()
    assert await shop.invoices(other) == []
    assert (await held(shop, other)).is_spent
    await shop.advance(days=31, hours=2)
    assert [each.total.minor for each in await shop.invoices(other)] == [52_900]
    # On Free it is not for the plan, so it waits.
    assert not (await held(shop, customer)).is_spent


async def test_the_fee_of_a_following_period_may_be_paid_by_a_coupon(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(WHOLE)))
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    await shop.advance(days=31, hours=2)
    _, nothing = await shop.invoices(customer)
    assert (nothing.total.minor, nothing.status, nothing.paid_at) == (0, InvoiceStatus.PAID, nothing.issued_at)
    assert [line.kind for line in nothing.lines] == [LineKind.FLAT_FEE, LineKind.DISCOUNT]
    assert (await held(shop, customer)).is_spent
    await shop.advance(days=31)
    assert [each.total.minor for each in await shop.invoices(customer)] == [52_900, 0, 52_900]


async def test_usage_and_corrections_that_a_coupon_pays_whole_are_billed_and_explained(shop: Shop) -> None:
    """Goal: every rated cent has its line, though the invoice comes to nothing, and nothing of it comes again."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text('percent = "100"\nduration = "repeating"\ninvoices = 3')))
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    await shop.use(customer, 2_010, at=shop.clock.now() + timedelta(hours=1))
    await shop.advance(days=31, hours=2)
    late = shop.clock.now() - timedelta(days=20)
    await shop.use(customer, 30, at=late, prefix="late")
    await shop.advance(days=31)
    first, second = (await shop.invoices(customer))[-2:]
    assert {line.kind for line in first.lines} >= {LineKind.USAGE, LineKind.DISCOUNT}
    assert [line.amount.minor for line in second.lines if line.kind is LineKind.USAGE_ADJUSTMENT] == [750]
    assert (first.total.minor, second.total.minor) == (0, 0)
    report = await billing.audit(shop.runtime, actor="tests")
    assert (report.findings, report.cents) == (0, 0), report.document


async def test_only_what_was_paid_is_credited(shop: Shop) -> None:
    """Half of the fee was paid, so an upgrade in the middle gives back half of the unused part."""
    customer, full = await with_coupon(shop, HALF_FEES), await shop.customer("full")
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(HALF_FEES)))
    for each in (customer, full):
        await shop.upgrade(each)
    await shop.advance(days=10)
    lines: list[tuple[Line, ...]] = []
    for each in (customer, full):
        await shop.upgrade(each, "enterprise")
        lines.append((await shop.invoices(each))[-1].lines)
    (_, credit, discount), (_, whole) = lines
    assert abs(credit.amount.minor * 2 - whole.amount.minor) <= 1
    # The coupon takes half off what the new fee leaves after the credit.
    assert discount.amount.minor == -((179_900 + credit.amount.minor + 1) // 2)


async def test_a_quote_whose_coupon_is_used_up_meanwhile_is_not_honoured(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(ONCE)))
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    await shop.advance(days=30, hours=23)
    checkout = await billing.start_upgrade(
        shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month"
    )
    await shop.advance(hours=3)
    assert discounts((await shop.invoices(customer))[-1]) == [(-10_580, -1_380)]
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "pro"
    async with shop.runtime.database.read() as tx:
        [kept] = await billing.list_unapplied(tx, 10)
    assert kept.customer_id == customer.id


async def test_a_coupon_that_something_else_uses_within_the_period_spoils_the_quote(shop: Shop) -> None:
    customer = await with_coupon(shop, ONCE)
    checkout = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    use = CouponUse((await held(shop, customer)).id, (await shop.period(customer)).id, None, 1)
    async with shop.runtime.unit() as unit:
        await use_coupons(unit, [use])
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "free"
    async with shop.runtime.database.read() as tx:
        [kept] = await billing.list_unapplied(tx, 10)
    assert kept.customer_id == customer.id


async def test_the_page_says_that_it_is_for_ever(shop: Shop) -> None:
    customer = await with_coupon(shop, HALF_FEES)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    assert "every invoice" in (await shop.client.get("/app/coupons")).text


async def test_an_upgrade_that_a_coupon_pays_has_no_checkout_and_a_way_on(shop: Shop) -> None:
    customer = await with_coupon(shop, WHOLE)
    with pytest.raises(CouponCoversAll, match=r"write to .* and we switch you over"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")


async def test_credits_pay_what_the_coupon_leaves(shop: Shop) -> None:
    customer = await with_coupon(shop, THRICE)
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        await billing.grant_credits(
            unit,
            customer_id=customer.id,
            kind=billing.GrantKind.GOODWILL,
            amount=(await shop.invoices(customer))[0].total,
            source="tests:1",
            reason="a gift",
        )
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    assert (invoice.total.minor, invoice.credits.minor, discounts(invoice)) == (42_320, 42_320, [(-10_580, -1_380)])
