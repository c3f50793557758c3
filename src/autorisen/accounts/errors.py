"""The rules of accounts that a request can break."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, NotAllowed, NotAuthenticated, NotFound, Problem, TooManyRequests


class EmailAlreadyRegistered(Conflict):
    """Never shown to the person who registers: it would tell strangers who has an account (ASVS V6.3.8)."""

    code, title = "email_already_registered", "That e-mail address is already registered"


class CustomerKeyTaken(Conflict):
    code, title = "customer_key_taken", "That customer key is already in use"


class WrongCredentials(NotAuthenticated):
    """One answer for an unknown address, a wrong password and a disabled user."""

    code, title = "wrong_credentials", "The e-mail address and the password do not match"


class TooManyAttempts(TooManyRequests):
    code, title = "too_many_attempts", "Too many attempts"


class KeyRefused(NotAuthenticated):
    """One answer for a malformed, unknown, revoked and expired key."""

    code, title = "key_refused", "The API key is missing or does not hold"


class ScopeMissing(NotAllowed):
    code, title = "scope_missing", "The API key lacks a scope"


class OperatorsOnly(NotAllowed):
    code, title = "operators_only", "This is for operators"


class NoCustomer(NotAllowed):
    code, title = "no_customer", "This user belongs to no customer"


class ForgedRequest(NotAllowed):
    """The form does not carry the token of this session."""

    code, title = "forged_request", "This form is no longer valid: load the page again"


class CustomerNotFound(NotFound):
    title = "There is no such customer"


class ApiKeyNotFound(NotFound):
    title = "There is no such API key"


class SignInNeeded(Problem):
    """A page that needs a session, asked for without one: answered with a redirect to the sign-in page."""

    status, code, title = 303, "sign_in_needed", "Sign in first"
