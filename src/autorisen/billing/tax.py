"""South African VAT as data: which rate applies to an invoice, and what a tax invoice must show. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from autorisen.billing.model import Invoice, Line, Party, TaxTerms, TaxTreatment
from autorisen.kit.money import Money, round_half_up, tax_fraction

TAX_ZONE = ZoneInfo("Africa/Johannesburg")
HOME_COUNTRY = "ZA"
HOME_CURRENCY = "ZAR"

# Value-Added Tax Act 89 of 1991: above this consideration a tax invoice must name the recipient (s20(4), s20(5)).
FULL_INVOICE_ABOVE = Money(500_000, HOME_CURRENCY)


@dataclass(frozen=True)
class TaxRate:
    """A standard rate and the first day on which it holds, in the tax zone."""

    rate: Decimal
    valid_from: date


STANDARD_RATES = (
    TaxRate(Decimal("0.10"), date(1991, 9, 30)),
    TaxRate(Decimal("0.14"), date(1993, 4, 7)),
    TaxRate(Decimal("0.15"), date(2018, 4, 1)),
)


def standard_rate(on: date) -> Decimal:
    """The standard rate on a day; raises ValueError for days before the first known rate."""
    known = [rate for rate in STANDARD_RATES if rate.valid_from <= on]
    if not known:
        raise ValueError(f"no VAT rate is known for {on.isoformat()}")
    return max(known, key=lambda rate: rate.valid_from).rate


def tax_terms(*, supplier: Party, customer: Party, currency: str, at: datetime) -> TaxTerms:
    """The treatment of one invoice.

    A seller without a VAT number owes and shows none. A customer abroad who pays in another currency is an export
    at zero per cent; whoever is in South Africa or pays in rand pays the standard rate, contained in the price.
    """
    if not supplier.vat_number:
        return TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0))
    if currency != HOME_CURRENCY and customer.country != HOME_COUNTRY:
        return TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0))
    return TaxTerms(TaxTreatment.STANDARD, standard_rate(at.astimezone(TAX_ZONE).date()))


def vat_contained(amount: Money, terms: TaxTerms) -> Money:
    """The VAT inside an amount, half up; a credit contains as much as the charge that it takes back."""
    return Money(tax_fraction(amount.minor, terms.rate), amount.currency)


def tax_in_due(invoice: Invoice) -> Money:
    """The VAT of what is due: all that is not credited, or as much of it as is not paid; half up."""
    left, tax = invoice.total - invoice.credited, invoice.tax - invoice.credited_tax
    return Money(round_half_up(Decimal(tax.minor) * invoice.amount_due.minor / left.minor), invoice.currency)


def needs_recipient(total: Money) -> bool:
    """Whether a tax invoice over this amount must carry the recipient's name and address."""
    return total.currency == HOME_CURRENCY and FULL_INVOICE_ABOVE.minor < total.minor


def document_title(invoice: Invoice) -> str:
    """What the document calls itself: only a registered vendor may issue a tax invoice."""
    return "Invoice" if invoice.tax_terms.treatment is TaxTreatment.NOT_REGISTERED else "Tax invoice"


def tax_statement(terms: TaxTerms) -> str:
    """The sentence under the totals that says how VAT was treated."""
    if terms.treatment is TaxTreatment.NOT_REGISTERED:
        return "The supplier is not registered for VAT; no VAT is charged."
    if terms.treatment is TaxTreatment.ZERO_RATED:
        return "Export of services, zero-rated under section 11(2) of the VAT Act: VAT at 0 %."
    return f"Prices include VAT at {percent(terms.rate)}."


def percent(rate: Decimal) -> str:
    """0.15 as `15 %`."""
    return f"{(rate * 100).normalize():f} %"


def discount_tax(before: Sequence[Line], amount: Money) -> Money:
    """The VAT of a discount of that (negative) amount on these lines.

    All of an invoice has one rate, so the discount takes off VAT as it takes off the total; never more of it.
    """
    total, tax, off = sum(line.amount.minor for line in before), sum(line.tax.minor for line in before), -amount.minor
    share = (Fraction(tax * off, total) if total else Fraction(0)) + Fraction(1, 2)
    return Money(-min(max(share.__floor__(), 0), off), amount.currency)
