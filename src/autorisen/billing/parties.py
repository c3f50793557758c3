"""Supplier and customer as an invoice names them: copied when it is made, so that later changes alter no invoice."""

from __future__ import annotations

from autorisen.accounts import Customer
from autorisen.billing.model import Party
from autorisen.billing.tax import HOME_COUNTRY
from autorisen.kit.settings import Settings


def supplier_party(settings: Settings) -> Party:
    """The seller, from the settings. The tax rules here are South African, so that is where the seller is."""
    address = "\n".join(line.strip() for line in settings.supplier_address.split("|"))
    return Party(settings.supplier_name, address, settings.supplier_vat_number, settings.mail_from, HOME_COUNTRY)


def customer_party(customer: Customer) -> Party:
    """The customer, from the billing details."""
    return Party(customer.name, customer.billing_address, customer.vat_number, customer.email, customer.country)
