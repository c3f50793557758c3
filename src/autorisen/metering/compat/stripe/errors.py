"""The rules of Stripe's api that ours does not have."""

from __future__ import annotations

from autorisen.kit.problems import Problem


class IdentifierTaken(Problem):
    """The same identifier, with other content. Repeating what was sent is no error."""

    status, code, title = 400, "resource_already_exists", "An event already exists with identifier"


class SessionExpired(Problem):
    status, code, title = 401, "billing_meter_event_session_expired", "The meter event session has expired"


class NoSuchMeterEvent(Problem):
    status, code, title = 404, "resource_missing", "No such meter event"
