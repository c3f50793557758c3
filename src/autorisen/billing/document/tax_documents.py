"""What a South African tax invoice must show, by its amount, as rows that name their rule. Pure.

Value-Added Tax Act 89 of 1991. Every issued invoice is checked against the rows of its form; what is missing is said to
the customer, who can give it, and to the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from autorisen.billing.model import Invoice, TaxTreatment
from autorisen.billing.tax import FULL_INVOICE_ABOVE, HOME_CURRENCY
from autorisen.kit.money import Money


class Form(StrEnum):
    """Which document the law asks for. `NONE`: a receipt is enough, or the seller may issue no tax invoice."""

    NONE = "none"
    ABRIDGED = "abridged"
    FULL = "full"


# Not above it, no tax invoice is asked for (s20(6)).
ABRIDGED_ABOVE = Money(5_000, HOME_CURRENCY)


@dataclass(frozen=True)
class Particular:
    """One thing that a form must show: what, by which rule, from which form on, and whether an invoice shows it."""

    name: str
    rule: str
    form: Form
    is_shown: Callable[[Invoice], bool]


PARTICULARS = (
    Particular("the supplier's name", "s20(5)(b)", Form.ABRIDGED, lambda i: bool(i.supplier.name)),
    Particular("the supplier's address", "s20(5)(b)", Form.ABRIDGED, lambda i: bool(i.supplier.address)),
    Particular("the supplier's VAT number", "s20(5)(b)", Form.ABRIDGED, lambda i: bool(i.supplier.vat_number)),
    Particular("a serial number", "s20(5)(c)", Form.ABRIDGED, lambda i: bool(i.number)),
    Particular("the date of issue", "s20(5)(c)", Form.ABRIDGED, lambda i: i.issued_at is not None),
    Particular(
        "a description of what was supplied",
        "s20(5)(d)",
        Form.ABRIDGED,
        lambda i: bool(i.lines) and all(line.description for line in i.lines),
    ),
    Particular("value, tax and consideration", "s20(5)(e)", Form.ABRIDGED, lambda i: i.subtotal + i.tax == i.total),
    Particular(
        "amounts in rand",
        "s20(4)",
        Form.ABRIDGED,
        lambda i: i.currency == HOME_CURRENCY or i.tax_terms.treatment is TaxTreatment.ZERO_RATED,
    ),
    Particular("the customer's name", "s20(4)(c)", Form.FULL, lambda i: bool(i.customer.name)),
    Particular("the customer's address", "s20(4)(c)", Form.FULL, lambda i: bool(i.customer.address)),
)

_FORMS_WITH = {Form.NONE: (), Form.ABRIDGED: (Form.ABRIDGED,), Form.FULL: (Form.ABRIDGED, Form.FULL)}


def form_of(invoice: Invoice) -> Form:
    """Which form an invoice must have. One in another currency has no amount in rand here: the abridged one."""
    if invoice.tax_terms.treatment is TaxTreatment.NOT_REGISTERED:
        return Form.NONE
    if invoice.currency != HOME_CURRENCY:
        return Form.ABRIDGED
    if invoice.total > FULL_INVOICE_ABOVE:
        return Form.FULL
    return Form.ABRIDGED if invoice.total > ABRIDGED_ABOVE else Form.NONE


def missing_particulars(invoice: Invoice) -> tuple[Particular, ...]:
    """What the law asks for and the invoice does not show. A customer's VAT number never is: not all have one."""
    asked = _FORMS_WITH[form_of(invoice)]
    return tuple(each for each in PARTICULARS if each.form in asked and not each.is_shown(invoice))
