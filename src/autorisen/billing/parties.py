"""Supplier and customer as an invoice names them: copied when it is made, so that later changes alter no invoice."""

from __future__ import annotations

from datetime import date, datetime

from autorisen.accounts import Customer
from autorisen.billing.model import Party
from autorisen.billing.tax import HOME_COUNTRY, TAX_ZONE
from autorisen.kit.settings import Settings


def supplier_party(settings: Settings, at: datetime) -> Party:
    """The seller at that time, from the settings: without a VAT number before the day of the registration.

    The tax rules here are South African, so that is where the seller is.
    """
    address = "\n".join(line.strip() for line in settings.supplier_address.split("|"))
    since, today = settings.supplier_vat_from, at.astimezone(TAX_ZONE).date()
    is_registered = not since or date.fromisoformat(since) <= today
    number = settings.supplier_vat_number if is_registered else ""
    return Party(settings.supplier_name, address, number, settings.mail_from, HOME_COUNTRY)


def customer_party(customer: Customer) -> Party:
    """The customer, from the billing details."""
    return Party(customer.name, customer.billing_address, customer.vat_number, customer.email, customer.country)
