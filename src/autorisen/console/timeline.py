"""One customer's timeline: each source of their past told in words, and merged by time. Pure.

Each source is read from a place on; a place is an instant, a source and an id, so that what happened at one instant is
listed once and nothing is left out between two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from autorisen import billing, catalog, metering
from autorisen.accounts import AuditEntry
from autorisen.billing import DunningEvent
from autorisen.catalog import PlanVersion
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.work.store import FactRow
from autorisen.kit.work.store_history import SentMail

# What a row is about; a link shows one kind alone.
KINDS = ("account", "subscription", "invoice", "payment", "credit", "usage", "dunning", "mail", "action")
# The sources in the order in which they stand within one instant.
SOURCES = AUDIT, CREDIT, DUNNING, FACT, MAIL, USAGE = tuple("abcdef")
LAST = UUID(int=2**128 - 1)
FIRST = UUID(int=0)
END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Moment:
    """One row: what happened, when, to what (`href`), and by whom when that is known."""

    at: datetime
    source: str
    id: UUID
    kind: str
    words: str
    detail: str = ""
    href: str = ""
    actor: str = ""
    # Instants that belong to the detail, by name; a page says them in its viewer's time zone.
    dates: Sequence[tuple[str, datetime]] = ()

    @property
    def place(self) -> tuple[datetime, str, UUID]:
        return self.at, self.source, self.id

    @property
    def text(self) -> str:
        """The detail with its instants, for machines."""
        return ", ".join(filter(None, (self.detail, *(f"{name} {at.isoformat()}" for name, at in self.dates))))


@dataclass(frozen=True)
class Place:
    """Where a page begins: before this row."""

    at: datetime
    source: str
    id: UUID

    def before(self, source: str) -> tuple[datetime, UUID]:
        """The same place in one source."""
        if source == self.source:
            return self.at, self.id
        return self.at, LAST if source < self.source else FIRST


def read_place(text: str) -> Place:
    """The place that `place_of` wrote; the newest end without one. Raises `InvalidInput`."""
    if not text:
        return Place(END, "z", LAST)
    try:
        instant, source, number = text.split("~")
        place = Place(datetime.fromisoformat(instant), source, UUID(number))
    except ValueError:
        place = None
    if place is None or place.at.tzinfo is None or place.source not in SOURCES:
        raise InvalidInput(errors=[FieldError("/before", "must be what the page before said")])
    return place


def place_of(moment: Moment) -> str:
    return f"{moment.at.isoformat()}~{moment.source}~{moment.id}"


def _money(payload: Mapping[str, Any], name: str = "amount_minor") -> str:
    return Money(payload[name], payload["currency"]).format()


# Versions of plans by their id, and the newest of each by its key, as facts have them.
Plans = Mapping[str, PlanVersion]


def _plan(payload: Mapping[str, Any]) -> str:
    """The name of the plan that a fact has the key of."""
    plan = payload["plans"].get(payload["plan_key"])
    return plan.name if plan else str(payload["plan_key"])


def _switch(payload: Mapping[str, Any]) -> str:
    """What a change of plan led from and to."""
    plans: Plans = payload["plans"]
    before, after = (plans.get(payload[name]) for name in ("from_plan_version_id", "to_plan_version_id"))
    if before is None or after is None:
        return ""
    return catalog.switch_words(before, after, payload.get("from_interval", ""), payload.get("to_interval", ""))


def _planned(payload: Mapping[str, Any]) -> str:
    """What a plan is to become, and when."""
    after = payload["plans"].get(payload["to_plan_version_id"])
    to = f"to {after.name}, version {after.version}, " if after else ""
    return f"{to}by the {payload['interval']}, with the period's end"


Words = Callable[[Mapping[str, Any]], tuple[str, str]]
# Each fact about a customer: its kind, and what it says in words and detail.
FACTS: Mapping[str, tuple[str, Words]] = {
    "UserSignedUp": ("account", lambda _: ("A person signed up", "")),
    "CustomerCreated": ("account", lambda _: ("Signed up", "")),
    "SubscriptionStarted": ("subscription", lambda p: (f"Plan {_plan(p)} started", "")),
    "PlanChanged": ("subscription", lambda p: ("Plan or cycle changed", _switch(p))),
    "ChangeScheduled": ("subscription", lambda p: ("Change planned", _planned(p))),
    "ChangeWithdrawn": ("subscription", lambda _: ("Planned change taken back", "")),
    "TrialStarted": ("subscription", lambda p: (f"Trial of {_plan(p)} started", "")),
    "TrialEnded": (
        "subscription",
        lambda p: (f"Trial of {_plan(p)} ended", "paid from now on" if p["converted"] else "not bought"),
    ),
    "PauseRequested": ("subscription", lambda _: ("Pause asked for", "with the period's end")),
    "SubscriptionPaused": ("subscription", lambda _: ("Paused", "")),
    "SubscriptionResumed": ("subscription", lambda _: ("Resumed", "")),
    "SubscriptionCancelled": ("subscription", lambda _: ("Cancelled at once", "")),
    "SubscriptionExpired": ("subscription", lambda _: ("First payment did not come", "the plan was not started")),
    "CancelRequested": ("subscription", lambda _: ("Cancellation asked for", "with the period's end")),
    "CancelWithdrawn": ("subscription", lambda _: ("Cancellation taken back", "")),
    "SubscriptionPastDue": ("subscription", lambda _: ("Past due", "a payment failed")),
    "SubscriptionSuspended": ("subscription", lambda _: ("Suspended", "until all that is due is paid")),
    "SubscriptionRecovered": ("subscription", lambda _: ("Recovered", "what was due is paid")),
    "SubscriptionEnded": ("subscription", lambda _: ("Subscription ended", "")),
    "InvoiceIssued": ("invoice", lambda p: (f"{p['number']} issued", _money(p, "total_minor"))),
    "InvoicePaid": ("invoice", lambda p: (f"{p['number']} paid", _money(p, "total_minor"))),
    "InvoicePaymentFailed": ("invoice", lambda p: (f"{p['number']} could not be paid", p["reason"])),
    "InvoiceVoided": ("invoice", lambda p: (f"{p['number']} is void", "")),
    "InvoiceWrittenOff": ("invoice", lambda p: (f"{p['number']} written off", _money(p))),
    "CreditNoteIssued": ("invoice", lambda p: (f"Credit note {p['number']}", _money(p, "total_minor"))),
    "PaymentSucceeded": ("payment", lambda p: (f"Payment by {p['gateway']}", _money(p))),
    "PaymentFailed": ("payment", lambda p: (f"Payment of {_money(p)} failed", p["reason"])),
    "PaymentRefunded": ("payment", lambda p: ("Refund", _money(p))),
    "PaymentDisputed": ("payment", lambda p: ("Payment disputed", _money(p))),
    "PaymentDisputeWon": ("payment", lambda p: ("Dispute decided for us", _money(p))),
    "PaymentMethodSaved": ("payment", lambda p: ("Card saved", f"{p['brand']} ending in {p['last4']}")),
    "PaymentUnapplied": ("payment", lambda p: ("Payment that pays nothing", f"{_money(p)}: {p['reason']}")),
    "CreditsGranted": ("credit", lambda p: (f"Credits, {p['kind'].replace('_', ' ')}", _money(p))),
}


# Where on a customer's page, or below it, a row leads that is about nothing with a page of its own.
PLACES = {"account": "#details", "subscription": "#subscription", "payment": "#methods", "credit": "/credits"}
# The same for what people did, by what the action is about.
ACTION_PLACES = {"credits": "/credits", "coupon": "#subscription", "api_key": "#keys", "member": "#people"}


def plans_named(rows: Sequence[FactRow]) -> set[UUID]:
    """The versions of plans that these facts are about."""
    names = ("from_plan_version_id", "to_plan_version_id")
    return {UUID(row.payload[name]) for row in rows for name in names if name in row.payload}


def of_fact(row: FactRow, home: str, plans: Plans) -> Moment:
    """A fact in words; one that this page has no words for is said by its name. `home` is the customer's page."""
    kind, words = FACTS.get(row.name, ("account", lambda _: (row.name, "")))
    said, detail = words({**row.payload, "plans": plans})
    href = _href(row.payload) or (home + PLACES[kind] if row.name in FACTS else "")
    return Moment(row.recorded_at, FACT, row.id, kind, said, detail, href)


def _href(payload: Mapping[str, Any]) -> str:
    if "invoice_id" in payload:
        return f"/console/invoices/{public_id('inv', UUID(payload['invoice_id']))}"
    if "payment_id" in payload:
        return f"/console/payments/{public_id('pay', UUID(payload['payment_id']))}"
    return ""


def of_mail(mail: SentMail) -> Moment:
    href = f"/console/mail/{public_id('mail', mail.id)}"
    return Moment(mail.created_at, MAIL, mail.id, "mail", mail.subject, f"to {mail.recipient}", href)


def of_dunning(event: DunningEvent) -> Moment:
    href = f"/console/dunning/{public_id('inv', event.invoice_id)}"
    words = event.kind.replace("_", " ").capitalize()
    return Moment(event.at, DUNNING, event.id, "dunning", words, event.detail, href, event.actor)


def of_credit(gone: billing.history.CreditsGone, home: str) -> Moment:
    """Credits that were used, given back, expired or taken back; that they came is a fact."""
    words = {"draw": "Credits used", "return": "Credits given back"}.get(gone.kind, f"Credits: {gone.kind}")
    detail = gone.amount.format() + (f" for {gone.invoice_number}" if gone.invoice_number else f": {gone.reason}")
    href = f"/console/invoices/{public_id('inv', gone.invoice_id)}" if gone.invoice_id else f"{home}/credits"
    return Moment(gone.at, CREDIT, gone.id, "credit", words, detail, href)


def of_correction(made: metering.CorrectedUsage) -> Moment:
    """An event that counts no more or otherwise, or what a backfill took back at once: which, and why."""
    words = {"void": "Usage voided", "amend": "Usage amended"}[made.kind]
    which = f"event {made.event_id} of {made.source}"
    if made.events > 1:
        which = f"{made.events:,} events, {which} among them"
    identity = {"source": made.source, "id": made.event_id, "by": metering.producer_text(made.tenant)}
    href = f"/console/events/event?{urlencode(identity)}"
    return Moment(made.at, USAGE, made.id, "usage", words, f"{which}: {made.reason}", href, made.actor)


# What people did, where the name of the action says it badly.
ACTIONS = {
    "subscription.addon": "Add-on changed",
    "subscription.cancel": "Cancellation asked for",
    "subscription.keep": "Planned change taken back",
    "subscription.move": "Move to other terms announced",
    "subscription.pause": "Pause asked for",
    "subscription.resume": "Resumed",
    "subscription.schedule": "Change of plan asked for",
    "subscription.trial": "Trial begun",
    "subscription.want": "Plan asked for",
    "credits.grant": "Credits given",
    "credits.refund": "Credits refunded",
    "credits.void": "Credits taken back",
}


def of_audit(entry: AuditEntry, home: str) -> Moment:
    words = ACTIONS.get(entry.action) or entry.action.replace(".", ": ").replace("_", " ").capitalize()
    if entry.target.startswith("inv_"):
        href = f"/console/invoices/{entry.target}"
    elif entry.target.startswith("sub_"):
        href = f"{home}#subscription"
    else:
        href = home + ACTION_PLACES.get(entry.action.partition(".")[0], "#details")
    detail = _told(entry.detail) or ("" if entry.target.startswith("cus_") else entry.target)
    dates = [(_plain(name), at) for name, value in entry.detail.items() if (at := _instant(value))]
    return Moment(entry.at, AUDIT, UUID(int=entry.id), "action", words, detail, href, entry.actor, dates)


def _instant(value: object) -> datetime | None:
    """A value that is an instant; a mere day, or a number, is none."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _told(detail: Mapping[str, object]) -> str:
    """What the audit log keeps of an action: a fact that holds by its name, a value after it, nothing of the rest.

    Instants are left to the page.
    """
    said = []
    for name, value in detail.items():
        if value in (None, False, "") or _instant(value):
            continue
        words = " ".join(map(str, value)) if isinstance(value, list) else "" if value is True else str(value)
        said.append(f"{_plain(name)} {words}".rstrip())
    return ", ".join(said)
