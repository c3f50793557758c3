"""Accounts: people, customers, sessions, API keys, access checks and the audit log.

Owns the PostgreSQL schema `accounts` with the tables customers, users, members, sessions, attempts, api_keys and
audit (append-only). Facts: UserSignedUp, CustomerCreated.

This is the door; other capabilities import from here only.
"""

from autorisen.accounts.access import (
    api_key,
    api_key_or_session,
    member,
    operator,
    safe_next,
    signed_in,
    visible_customer,
    visitor,
)
from autorisen.accounts.api_keys import create_api_key, list_api_keys, revoke_api_key
from autorisen.accounts.audit import audit_log, record_audit
from autorisen.accounts.customers import (
    count_customers,
    create_customer,
    customer,
    customer_for,
    customer_ids_by_key,
    customers_by_id,
    list_customers,
    update_customer,
)
from autorisen.accounts.errors import (
    ApiKeyNotFound,
    CustomerKeyTaken,
    CustomerNotFound,
    EmailAlreadyRegistered,
    KeyRefused,
    NoCustomer,
    OperatorsOnly,
    ScopeMissing,
)
from autorisen.accounts.facts import CustomerCreated, UserSignedUp
from autorisen.accounts.form_errors import by_field, sentence
from autorisen.accounts.model import ApiKey, AuditEntry, Customer, Principal, Scope, User
from autorisen.accounts.sign_up import sign_up
from autorisen.accounts.store import operator_emails
from autorisen.accounts.store_history import audit_of
from autorisen.accounts.throttle import forget_old_attempts
from autorisen.accounts.users import add_member, create_user, disable_user, members_of, user_by_email

__all__ = [
    "ApiKey",
    "ApiKeyNotFound",
    "AuditEntry",
    "Customer",
    "CustomerCreated",
    "CustomerKeyTaken",
    "CustomerNotFound",
    "EmailAlreadyRegistered",
    "KeyRefused",
    "NoCustomer",
    "OperatorsOnly",
    "Principal",
    "Scope",
    "ScopeMissing",
    "User",
    "UserSignedUp",
    "add_member",
    "api_key",
    "api_key_or_session",
    "audit_log",
    "audit_of",
    "by_field",
    "count_customers",
    "create_api_key",
    "create_customer",
    "create_user",
    "customer",
    "customer_for",
    "customer_ids_by_key",
    "customers_by_id",
    "disable_user",
    "forget_old_attempts",
    "list_api_keys",
    "list_customers",
    "member",
    "members_of",
    "operator",
    "operator_emails",
    "record_audit",
    "revoke_api_key",
    "safe_next",
    "sentence",
    "sign_up",
    "signed_in",
    "update_customer",
    "user_by_email",
    "visible_customer",
    "visitor",
]
