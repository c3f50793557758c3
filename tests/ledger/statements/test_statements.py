"""Statements: right to the cent after any story, in whole days of the reader's zone, on page, API, CSV and terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime, Unit
from autorisen.ledger import NoAccount, account_statement, customer_statement, days_of, post_fact, postings
from autorisen.ledger.statements.links import CUSTOMERS, OPERATORS, links_of, operators_places
from autorisen.ledger.statements.model import LINES_MAX, Movement, StatementTooLong, statements
from tests.factories.accounts import make_customer, make_key, make_member, make_user, sign_in

NOW = datetime(2026, 3, 15, 23, 30, tzinfo=UTC)


def moved(minor: int, currency: str = "ZAR", day: int = 1) -> Movement:
    return Movement(datetime(2026, 3, day, tzinfo=UTC), "x:1", "Something", Money(minor, currency))


@given(
    st.dictionaries(st.sampled_from(["ZAR", "USD"]), st.integers(-(10**9), 10**9)),
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.sampled_from(["ZAR", "USD"])), max_size=8),
)
def test_the_balance_runs_from_the_opening_to_the_closing(
    opening: dict[str, int], story: Sequence[tuple[int, str]]
) -> None:
    before = {currency: Money(minor, currency) for currency, minor in opening.items()}
    found = statements(before, [moved(*each) for each in story])
    assert [each.currency for each in found] == sorted(opening.keys() | {currency for _, currency in story})
    for each in found:
        mine = [minor for minor, currency in story if currency == each.currency]
        assert [line.amount.minor for line in each.lines] == mine
        assert each.closing.minor == opening.get(each.currency, 0) + sum(mine)
        assert each.debits - each.credits == each.closing - each.opening
        assert all(line.balance.minor == each.opening.minor + sum(mine[:n]) for n, line in enumerate(each.lines, 1))


def test_more_lines_than_anybody_reads_are_refused() -> None:
    assert len(statements({}, [moved(1)] * LINES_MAX)[0].lines) == LINES_MAX
    with pytest.raises(StatementTooLong) as refused:
        statements({}, [moved(1)] * (LINES_MAX + 1))
    assert refused.value.errors[0].field == "query/from"


def test_days_are_those_of_the_zone_and_reach_a_year_back() -> None:
    days = days_of("", "", now=NOW, time_zone="Africa/Johannesburg")
    assert (days.first, days.last) == (date(2025, 3, 1), date(2026, 3, 16))
    assert (days.start_at, days.end_at) == (
        datetime(2025, 2, 28, 22, tzinfo=UTC),
        datetime(2026, 3, 16, 22, tzinfo=UTC),
    )
    one = days_of("2026-03-29", "2026-03-29", now=NOW, time_zone="Europe/Berlin")
    assert one.end_at - one.start_at == timedelta(hours=23), "the clock goes forward on that day"
    assert days_of("1900-01-01", "1900-01-31", now=NOW, time_zone="UTC").first == date(1900, 1, 1)
    assert days_of("", "1900-01-31", now=NOW, time_zone="UTC").first == date(1900, 1, 1)


@pytest.mark.parametrize(
    "first, last, field",
    [
        ("tomorrow", "", "query/from"),
        ("", "2026-02-30", "query/to"),
        ("2026-03-02", "2026-03-01", "query/from"),
        ("1899-12-31", "", "query/from"),
        ("", "9999-12-31", "query/to"),
    ],
)
def test_days_that_are_none_are_named(first: str, last: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        days_of(first, last, now=NOW, time_zone="UTC")
    assert refused.value.errors[0].field == field


async def _story(unit: Unit, customer_id: UUID) -> None:
    """An invoice, credits that pay a part of it, a payment of the rest, and one that fits nothing."""
    made = postings.invoice_issued(
        invoice_id=UUID(int=1),
        number="INV-2026-00001",
        customer_id=customer_id,
        total=Money(52_900, "ZAR"),
        nets={"revenue:subscription": Money(46_000, "ZAR")},
        tax=Money(6_900, "ZAR"),
    )
    of = {"customer_id": customer_id}
    await post_fact(unit, made, occurred_at=unit.now)
    bought = postings.wallet_topped_up(
        grant_id=UUID(int=2), amount=Money(2_900, "ZAR"), source="clearing:sandbox", **of
    )
    await post_fact(unit, bought, occurred_at=unit.now + timedelta(days=1))
    drawn = postings.wallet_drawn(draw_id=UUID(int=3), amount=Money(2_900, "ZAR"), number="INV-2026-00001", **of)
    await post_fact(unit, drawn, occurred_at=unit.now + timedelta(days=2))
    rest = Money(50_000, "ZAR")
    paid = postings.payment_settled(
        payment_id=UUID(int=4), gateway="sandbox", amount=rest, number="INV-2026-00001", **of
    )
    await post_fact(unit, paid, occurred_at=unit.now + timedelta(days=3))
    stray = postings.payment_unapplied(
        payment_id=UUID(int=5), gateway="sandbox", amount=Money(700, "USD"), reason="nobody knows", **of
    )
    await post_fact(unit, stray, occurred_at=unit.now + timedelta(days=4))


async def test_a_customers_statement_is_what_stands_between_us(unit: Unit) -> None:
    customer = await make_customer(unit)
    await _story(unit, customer.id)
    days = days_of("", "2026-03-31", now=unit.now, time_zone="UTC")
    usd, zar = await customer_statement(unit.tx, customer.id, days)
    assert [(line.amount.minor, line.balance.minor) for line in zar.lines] == [
        (52_900, 52_900),
        (-2_900, 50_000),
        (-50_000, 0),
    ]
    assert [line.description for line in zar.lines] == [
        "Invoice INV-2026-00001", "Credits bought", "Payment of invoice INV-2026-00001",
    ]  # fmt: skip
    assert (usd.opening.minor, usd.closing.minor) == (0, -700)
    later = days_of("2026-03-03", "2026-03-03", now=unit.now, time_zone="UTC")
    (zar,) = await customer_statement(unit.tx, customer.id, later)
    assert (zar.opening.minor, zar.lines, zar.closing.minor) == (50_000, (), 50_000)
    other = await make_customer(unit, key="other")
    assert await customer_statement(unit.tx, other.id, days) == ()


async def test_an_account_is_read_alone(unit: Unit) -> None:
    customer = await make_customer(unit)
    await _story(unit, customer.id)
    days = days_of("", "2026-03-31", now=unit.now, time_zone="UTC")
    (zar,) = await account_statement(unit.tx, f"receivable:{customer.id}", days)
    assert [line.amount.minor for line in zar.lines] == [52_900, -2_900, -50_000]
    with pytest.raises(NoAccount):
        await account_statement(unit.tx, "clearing:nobody", days)


async def test_the_api_gives_json_and_csv(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        acme = await make_customer(unit)
        other = await make_customer(unit, key="other")
        await _story(unit, acme.id)
        theirs = await make_key(unit, acme.id, ["billing:read"])
        admin = await make_key(unit, None, ["admin", "billing:read"])
        strange = await make_key(unit, other.id, ["billing:read", "admin"])
    asked = {"from": "2026-03-01", "to": "2026-03-05"}
    answer = await client.get("/api/statement", params=asked, headers=theirs)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["of"], found["time_zone"]) == (acme.public_id, acme.time_zone)
    assert [(each["currency"], each["closing_minor"]) for each in found["currencies"]] == [("USD", -700), ("ZAR", 0)]
    by_name = await client.get("/api/statement", params={**asked, "customer": "acme"}, headers=admin)
    assert by_name.json() == found
    for wish in ({"format": "csv"}, {}):
        table = await client.get("/api/statement", params=asked | wish, headers=theirs | {"accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert [row["balance"] for row in rows if row["currency"] == "ZAR"] == [
            "0.00", "529.00", "500.00", "0.00", "0.00",
        ]  # fmt: skip
    assert (await client.get("/api/statement", params=asked, headers=admin)).json()["errors"]
    for who, name in ((strange, "acme"), (admin, "nobody")):
        assert (await client.get("/api/statement", params={"customer": name}, headers=who)).status_code == 404
    account = f"/api/ledger/accounts/receivable:{acme.id}/statement"
    one = (await client.get(account, params=asked, headers=admin)).json()
    assert [line["amount_minor"] for line in one["currencies"][0]["lines"]] == [52_900, -2_900, -50_000]
    assert (await client.get(account, headers=strange)).status_code == 403
    assert (await client.get("/api/ledger/accounts/tax:nothing/statement", headers=admin)).status_code == 404


async def test_the_customers_page_shows_it_and_teaches_when_empty(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        acme = await make_customer(unit)
        await make_member(unit, acme.id)
    await sign_in(client, runtime)
    assert "Your first invoice appears here" in (await client.get("/app/statement")).text
    async with runtime.unit() as unit:
        await _story(unit, acme.id)
    page = (await client.get("/app/statement?from=2026-03-01&to=2026-03-31")).text
    for expected in ("Invoice INV-2026-00001", "Balance after", "Credits bought", "/app/statement.csv?from=2026-03-01"):
        assert expected in page
    table = await client.get("/app/statement.csv?from=2026-03-01&to=2026-03-31")
    assert table.headers["content-disposition"].endswith(f'{acme.public_id}-2026-03-01-2026-03-31.csv"')
    assert (await client.get("/app/statement.csv?from=x")).status_code == 422
    for query, said in {
        "from=x": "Must be a date like 2026-03-01.",
        "from=2026-03-02&to=2026-03-01": "Must not be after the last day.",
        "to=9999-12-31": "Must be between 1900 and 9000.",
    }.items():
        answer = await client.get(f"/app/statement?{query}")
        assert (answer.status_code, said in answer.text) == (422, True), query
        assert "Show these days" in answer.text, "there is a way on"
        assert "Nothing yet" not in answer.text, "it is not known to be nothing"
    assert 'value="2026-03-02"' in (await client.get("/app/statement?from=2026-03-02&to=2026-03-01")).text


async def test_operators_read_any_customer_and_any_account(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", operator=True)
        acme = await make_customer(unit)
    await sign_in(client, runtime, "olga@operator.example")
    assert "Nothing is posted yet" in (await client.get("/console/ledger")).text
    base = f"/console/customers/{acme.public_id}/statement"
    assert "appears here when it is issued" in (await client.get(base)).text
    async with runtime.unit() as unit:
        await _story(unit, acme.id)
    asked = "?from=2026-03-01&to=2026-03-31"
    assert "INV-2026-00001" in (await client.get(base + asked)).text
    assert "INV-2026-00001" in (await client.get(f"{base}.csv{asked}")).text
    ledger = (await client.get("/console/ledger")).text
    for expected in (
        "1 customer<",
        'href="/console/ledger/clearing:sandbox"',
        "fees and add-ons, without VAT",
        "tax:vat_output",
    ):
        assert expected in ledger
    account = (await client.get(f"/console/ledger/clearing:sandbox{asked}")).text
    assert "money that the gateway has taken for us" in account
    assert "Credits bought" in account
    assert "Credits bought" in (await client.get(f"/console/ledger/clearing:sandbox.csv{asked}")).text
    assert (await client.get("/console/ledger/nothing:here")).status_code == 404
    for path in (base, "/console/ledger/clearing:sandbox"):
        answer = await client.get(f"{path}?to=soon")
        assert (answer.status_code, "Must be a date like 2026-03-01." in answer.text) == (422, True), path
    stray = public_id("cus", UUID(int=9))
    missing = await client.get(f"/console/customers/{stray}/statement", headers={"accept": "text/html"})
    assert missing.status_code == 404
    assert 'href="/console">Go to the console' in missing.text, "an operator's way on is not the start page"


async def test_an_account_from_before_the_chart_is_still_shown(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", operator=True)
        await unit.tx.execute("INSERT INTO ledger.accounts VALUES ('suspense:old', now())")
    await sign_in(client, runtime, "olga@operator.example")
    assert "Nothing was posted by then" in (await client.get("/console/ledger/suspense:old")).text


@pytest.mark.parametrize(
    "reference, customers, operators",
    [
        (f"invoice:{UUID(int=1)}:issued", f"/app/invoices/{public_id('inv', UUID(int=1))}", "/console/invoices/inv_"),
        (f"credit_note:{UUID(int=1)}:issued", "/app/credit-notes/crn_", "/console/invoices/credit-notes/crn_"),
        (f"payment:{UUID(int=1)}:refunded:after:5", "/app/payments/pay_", "/console/payments/pay_"),
        (f"wallet:{UUID(int=1)}:drawn", "/app/credits#movements", "/console/customers/cus_x/credits"),
        ("recognition:2026-03-01:ZAR:earned", "", "/console/deferred-revenue"),
        ("invoice:not-an-id:issued", "", ""),
        ("invoice", "", ""),
        ("x:1", "", ""),
    ],
)
def test_a_line_leads_to_what_it_is_about(reference: str, customers: str, operators: str) -> None:
    movement = Movement(NOW, reference, "Something", Money(1, "ZAR"))
    found = statements({}, [movement])
    for places, begin in ((CUSTOMERS, customers), (operators_places("cus_x"), operators)):
        address = links_of(found, places).get(reference, "")
        assert address.startswith(begin), address
        assert bool(address) == bool(begin)
    assert "wallet" not in OPERATORS.whole, "an account is of no customer in particular"
