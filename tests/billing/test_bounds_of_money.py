"""Bounds of the rules around an invoice: refunds without a note, the plans of a file, schedules, statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from autorisen.billing.credit_notes.model import CreditNote, Settlement, credit_note_number, refunded_without_note
from autorisen.billing.dunning.model import (
    Decision,
    Dunning,
    Outcome,
    Policy,
    Stage,
    StepKind,
    begin,
    decide,
    end,
    pause,
    policy_of,
    resume,
)
from autorisen.billing.what_if.model import bucket_of, plans_of_file
from autorisen.catalog import PlanVersion, load_catalog, shipped_catalog
from autorisen.kit.money import Money
from autorisen.kit.problems import InvalidInput
from autorisen.kit.settings import InvalidSetting, Settings
from autorisen.ledger.errors import MalformedAccount, TooFewLines
from autorisen.ledger.model import StatementLine, lines_to_post
from autorisen.ledger.statements.model import (
    LINES_MAX,
    CurrencyStatement,
    Days,
    Movement,
    StatementTooLong,
    days_of,
    statement_table,
    statements,
)
from autorisen.payments.model import Mode, Payment, PaymentKind, PaymentStatus
from tests.factories.billing import START, a_draft, a_line, an_invoice
from tests.factories.ledger import line

DAY = timedelta(days=1)


def rand(minor: int) -> Money:
    return Money(minor, "ZAR")


def a_note(minor: int, settlement: Settlement, due: int = 0) -> CreditNote:
    money = (rand(minor), rand(0), rand(minor), rand(due))
    ids = (UUID(int=1), "CN-2026-00001", UUID(int=7), UUID(int=2))
    return CreditNote(*ids, "ZAR", "why", settlement, *money, START, "tests")


def a_payment(refunded: int) -> Payment:
    values: dict[str, Any] = dict.fromkeys(
        ("method_id", "provider_id", "action_url", "failure_code", "failure_reason", "succeeded_at")
    )
    return Payment(
        id=UUID(int=1),
        customer_id=UUID(int=2),
        kind=PaymentKind.CHECKOUT,
        gateway="sandbox",
        mode=Mode.TEST,
        reference="invoice:1",
        attempt=1,
        amount=rand(1_000),
        description="",
        status=PaymentStatus.SUCCEEDED,
        created_at=START,
        updated_at=START,
        refunded_minor=refunded,
        **values,
    )


@pytest.mark.parametrize(
    "refunds, notes, left",
    [
        ([], [], 0),
        ([300, 200], [], 500),
        ([500], [(500, Settlement.REFUND, 0)], 0),
        ([500], [(300, Settlement.REFUND, 0), (100, Settlement.REFUND, 40)], 140),
        ([500], [(500, Settlement.CREDIT, 0), (500, Settlement.DUE, 0)], 500),
        ([100], [(500, Settlement.REFUND, 0)], 0),
        ([1], [], 1),
    ],
)
def test_what_went_back_and_no_note_explains(
    refunds: list[int], notes: list[tuple[int, Settlement, int]], left: int
) -> None:
    invoice, attempts = an_invoice(a_draft(a_line(1_000))), [a_payment(each) for each in refunds]
    assert refunded_without_note(invoice, attempts, [a_note(*each) for each in notes]) == rand(left)
    assert credit_note_number(2026, 42) == "CN-2026-00042"


def test_the_plans_of_a_file_are_as_if_they_were_sold() -> None:
    file = load_catalog(shipped_catalog())
    found = plans_of_file(file, START)
    assert list(found) == ["free", "pro", "enterprise"]
    for draft in file.plans:
        terms = {name: getattr(draft, name) for name in type(draft).__dataclass_fields__}
        assert found[draft.plan_key] == PlanVersion(id=UUID(int=0), version=0, effective_from=START, **terms)


def test_a_bill_that_was_nothing_rises_by_half_and_more() -> None:
    assert bucket_of(0, 1) == bucket_of(2, 3) == 8
    assert bucket_of(2, 1) == 0


IDS = {"invoice_id": UUID(int=1), "subscription_id": UUID(int=2), "customer_id": UUID(int=3)}


def a_dunning(policy: Policy | None = None) -> Dunning:
    return begin(policy or Policy(), **IDS, at=START)


def test_a_schedule_at_its_beginning_and_its_end() -> None:
    begun = Dunning(
        **IDS,
        policy=Policy(),
        began_at=START,
        base_at=START,
        done=0,
        stage=Stage.COLLECTING,
        next_at=START,
        paused_at=None,
        paused_by=None,
        ended_at=None,
        outcome=None,
    )
    assert a_dunning() == begun
    paused = replace(begun, next_at=None, paused_at=START, paused_by="tests")
    assert pause(begun, "tests", START) == paused
    assert decide(paused, START + 99 * DAY) == Decision((), None, paused)
    assert resume(paused, START + DAY) == replace(begun, base_at=START + DAY, next_at=START + DAY)
    over = replace(begun, ended_at=START + DAY, outcome=Outcome.VOID, next_at=None)
    assert end(paused, Outcome.VOID, START + DAY) == over
    assert decide(replace(begun, ended_at=START + DAY), START + DAY).kind is None


def test_a_pause_keeps_the_days_that_are_left_and_the_notice_before_another_kind() -> None:
    fourth = replace(a_dunning(), done=4, stage=Stage.GRACE, next_at=START + 14 * DAY)
    # Paused for three days on the tenth: four are left, and four days after it is resumed come the seven of grace.
    again = resume(pause(fourth, "tests", START + 10 * DAY), START + 13 * DAY)
    assert (again.next_at, again.base_at) == (START + 17 * DAY, START + 3 * DAY)
    # Overdue when it was paused: a suspension waits for its notice after it is resumed, a retry comes at once.
    late = resume(pause(fourth, "tests", START + 20 * DAY), START + 21 * DAY)
    assert late.next_at == START + 22 * DAY
    third = replace(a_dunning(), done=3, next_at=START + 7 * DAY)
    assert resume(pause(third, "tests", START + 20 * DAY), START + 21 * DAY).next_at == START + 21 * DAY
    first = pause(a_dunning(), "tests", START + 2 * DAY)
    assert resume(first, START + 2 * DAY).next_at == START + 2 * DAY
    fifth = replace(a_dunning(), done=5, stage=Stage.SUSPENDED, next_at=START + 28 * DAY)
    assert resume(pause(fifth, "tests", START + 40 * DAY), START + 41 * DAY).next_at == START + 42 * DAY


def test_steps_that_are_due_at_this_instant_are_due() -> None:
    both = decide(a_dunning(Policy((0, 3), 7, 14)), START + 3 * DAY)
    assert (both.kind, len(both.steps), both.after.next_at) == (StepKind.RETRY, 2, START + 10 * DAY)
    one = decide(a_dunning(), START + 4 * DAY)
    assert (len(one.steps), one.after.next_at) == (2, START + 5 * DAY)
    soon = decide(a_dunning(Policy((0, 1), 0, 0)), START + DAY - timedelta(microseconds=1))
    assert soon.after.next_at == START + DAY, "a step of the same kind needs no notice"


def test_the_bounds_of_the_policy() -> None:
    widest = Settings(dunning_days="0,365", dunning_grace_days=365, dunning_suspended_days=365)
    assert policy_of(widest) == Policy((0, 365), 365, 365)
    assert policy_of(Settings(dunning_grace_days=0, dunning_suspended_days=0)) == Policy((0, 3, 5, 7), 0, 0)
    with pytest.raises(InvalidSetting, match=r"^DUNNING_GRACE_DAYS is 366; use a number from 0 to 365$"):
        policy_of(Settings(dunning_grace_days=366))
    with pytest.raises(InvalidSetting, match=r"^DUNNING_SUSPENDED_DAYS is -1; use a number from 0 to 365$"):
        policy_of(Settings(dunning_suspended_days=-1))
    with pytest.raises(InvalidSetting, match="begin with 0 and rise"):
        policy_of(Settings(dunning_days="0,1,366"))


NOW = datetime(2026, 3, 15, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "first, last, rule",
    [
        ("2026-03-02", "2026-03-01", "must not be after the last day"),
        ("tomorrow", "", "must be a date like 2026-03-01"),
        ("", "9000-01-02", "must be between 1900 and 9000"),
    ],
)
def test_days_that_are_none_say_why(first: str, last: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        days_of(first, last, now=NOW, time_zone="UTC")
    assert [error.rule for error in refused.value.errors] == [rule]


def test_the_last_day_there_is_and_a_year_before_it() -> None:
    assert days_of("", "9000-01-01", now=NOW, time_zone="UTC") == Days(date(8999, 1, 1), date(9000, 1, 1), "UTC")
    assert days_of("2026-03-01", "2026-03-01", now=NOW, time_zone="UTC").first == date(2026, 3, 1)


def test_a_statement_and_its_table_line_by_line() -> None:
    late = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # the second of March in Johannesburg
    found = statements({"ZAR": rand(100)}, [Movement(late, "invoice:1:issued", "Invoice INV-1", rand(-30))])
    entry = StatementLine(late, "invoice:1:issued", "Invoice INV-1", rand(-30), rand(70))
    assert found == (CurrencyStatement("ZAR", rand(100), (entry,), rand(70)),)
    days = Days(date(2026, 3, 1), date(2026, 3, 31), "Africa/Johannesburg")
    assert statement_table(days, found) == (
        "date,description,reference,currency,amount,balance\r\n"
        "2026-03-01,Opening balance,,ZAR,,1.00\r\n"
        "2026-03-02,Invoice INV-1,invoice:1:issued,ZAR,-0.30,0.70\r\n"
        "2026-03-31,Closing balance,,ZAR,,0.70\r\n"
    )
    with pytest.raises(StatementTooLong, match=r"^there are more than 5,000 lines; ask for fewer days$") as refused:
        statements({}, [Movement(late, "x:1", "", rand(1))] * (LINES_MAX + 1))
    assert refused.value.errors[0].rule == "must leave at most 5,000 lines"


def test_the_longest_account_and_what_is_said_of_others() -> None:
    longest = "wallet:" + "b" * 113
    assert len(lines_to_post([line(longest, 1), line("wallet:c", -1)])) == 2
    with pytest.raises(MalformedAccount, match=r"^'Wallet:b' is not lower-case words joined by colons$"):
        lines_to_post([line("Wallet:b", 1)])
    with pytest.raises(TooFewLines, match=r"^1 lines move money$"):
        lines_to_post([line("wallet:b", 1)])
