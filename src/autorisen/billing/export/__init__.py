"""Invoices, voids and credit notes as a table for accountants."""
