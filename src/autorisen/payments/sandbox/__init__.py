"""The sandbox gateway: a payment provider in the same process that is foreign by contract.

Owns the PostgreSQL schema `sandbox` (checkouts, methods, charges, events). It shares no table, transaction or fact with
the rest of payments: we ask it through `SandboxGateway`, it tells us by signed webhooks over HTTP, and what it keeps is
what a real provider keeps. It works only while the installation is in sandbox mode.
"""
