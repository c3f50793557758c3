"""What must hold of the revenue report after a simulated year, looked up past the code that is tested."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from tests.factories.revenue import counted_anew, kept
from tests.journeys.year_checks import rows
from tests.journeys.year_model import Year

# The fees of the periods that run, by the periods and not by the invoices: what each charges with its add-ons,
# what coupons took off the invoice that has it, and what that invoice charges.
RUNNING = """
SELECT invoice.currency, period.billing_interval,
    fee.amount_minor + coalesce(sum(line.amount_minor) FILTER (WHERE line.kind = 'addon'), 0)::bigint,
    invoice.tax_rate,
    coalesce(-sum(line.amount_minor) FILTER (WHERE scope = 'fees'), 0),
    coalesce(-sum(line.amount_minor) FILTER (WHERE scope = 'all'), 0),
    sum(line.amount_minor) FILTER (WHERE line.kind <> 'discount' AND line.amount_minor > 0)
FROM subscriptions.periods AS period
JOIN subscriptions.subscriptions AS subscription ON subscription.id = period.subscription_id
JOIN billing.period_fees AS charged ON charged.period_id = period.id
JOIN billing.invoices AS invoice ON invoice.id = charged.invoice_id AND invoice.voided_at IS NULL
JOIN billing.invoice_lines AS fee ON fee.id = charged.line_id
JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id
LEFT JOIN billing.redemptions AS redemption ON redemption.id = line.redemption_id
WHERE period.start_at <= %(now)s::timestamptz AND period.status = 'open' AND period.kind = 'paid'
    AND NOT EXISTS (SELECT FROM subscriptions.periods AS next
        WHERE next.customer_id = period.customer_id AND next.start_at >= period.end_at)
GROUP BY invoice.id, period.id, fee.id
"""
OWED = """
SELECT currency, sum(amount_minor) FROM ledger.entries WHERE account LIKE 'receivable:%%'
GROUP BY currency HAVING sum(amount_minor) <> 0
"""


async def require_revenue(year: Year) -> dict[str, int]:
    """The report is the same with and without what is kept; its ends are the running fees and the books."""
    report = await kept(year.runtime, year.now)
    assert report == await counted_anew(year.runtime, year.now)
    async with year.runtime.database.read() as tx:
        running, owed = await rows(tx, RUNNING, now=year.now), dict(await rows(tx, OWED))
    mrr: defaultdict[str, int] = defaultdict(int)
    for currency, interval, fee, rate, on_fees, on_all, charges in running:
        off = _half_up(Fraction(int(on_fees)) + Fraction(int(on_all) * fee, int(charges)))
        gross = fee - min(off, fee)
        net = gross - _half_up(gross * Fraction(rate) / (1 + Fraction(rate)))
        mrr[currency] += _half_up(Fraction(net, 12 if interval == "year" else 1))
    assert {each.currency: each.mrr[-1].closing.minor for each in report.currencies if each.mrr[-1].closing} == {
        currency: minor for currency, minor in mrr.items() if minor
    }
    found = {each.currency: each.money[-1].closing.minor for each in report.currencies if each.money[-1].closing}
    assert found == {currency: int(Decimal(minor)) for currency, minor in owed.items()}
    assert all(not month.other for each in report.currencies for month in each.money)
    months = [month for each in report.currencies for month in each.mrr]
    names = ("customers_new", "customers_lost", "customers_back")
    return {name: sum(getattr(month, name) for month in months) for name in names}


def _half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()
