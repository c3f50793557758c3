"""What must hold after a simulated year, looked up past the code that is tested: by SQL over the facts, and the API."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any

from autorisen import billing
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from tests.journeys.year_model import Year

# A period starts where the one before it ended, of all subscriptions of a customer; every one that is over is closed.
BROKEN_PERIODS = """
SELECT customer_id, start_at, ended FROM (
    SELECT customer_id, start_at, lag(end_at) OVER (PARTITION BY customer_id ORDER BY start_at) AS ended
    FROM subscriptions.periods
) AS each WHERE start_at <> ended
"""
UNCLOSED = """
SELECT period.id, period.status, count(closing.period_id) FROM subscriptions.periods AS period
LEFT JOIN billing.closings AS closing ON closing.period_id = period.id
WHERE period.end_at < %(now)s::timestamptz - interval '2 hours'
GROUP BY period.id, period.status HAVING period.status <> 'closed' OR count(closing.period_id) <> 1
"""
# The tokens of each closed period as its events say now, beside what was rated last. The events are added up here from
# their own JSON; what was voided or amended counts as it counts now. What came after a customer's last closing waits
# for the next one, which a yearly plan may put off by a year: so only those who were billed since.
MISRATED = """
SELECT closing.customer_id, closing.period_start, meter, rated, used
FROM billing.closings AS closing
CROSS JOIN (VALUES ('llm.input_tokens', 'input_tokens'), ('llm.output_tokens', 'output_tokens')) AS m (meter, path)
CROSS JOIN LATERAL (
    SELECT coalesce(sum((event.data ->> m.path)::numeric), 0) AS used FROM metering.counted_events AS event
    WHERE event.customer_id = closing.customer_id AND event.type = 'llm.completion'
        AND event.occurred_at >= closing.period_start AND event.occurred_at < closing.period_end
) AS truth
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS rated FROM (
        SELECT DISTINCT ON (cell) cell, quantity FROM billing.rated_usage
        WHERE rated_usage.period_id = closing.period_id AND rated_usage.meter = m.meter
        ORDER BY cell, revision DESC
    ) AS latest
) AS billed
WHERE rated <> used AND EXISTS (
    SELECT FROM billing.closings AS later
    WHERE later.customer_id = closing.customer_id AND later.closed_at > %(lived_until)s::timestamptz
)
"""
# Credits by customer and currency: what is left of grants, the sum of their movements, and what the books owe.
WALLETS_APART = """
SELECT coalesce(wallet.account, booked.account), remaining, moved, owed
FROM (
    SELECT 'wallet:' || customer_id AS account, currency, sum(remaining_minor) AS remaining,
        sum((SELECT sum(amount_minor) FROM billing.wallet_movements AS movement WHERE movement.grant_id = each.id))
            AS moved
    FROM billing.wallet_grants AS each GROUP BY customer_id, currency
) AS wallet
FULL JOIN (
    SELECT account, currency, -sum(amount_minor) AS owed FROM ledger.entries
    WHERE account LIKE 'wallet:%%' GROUP BY account, currency
) AS booked USING (account, currency)
WHERE remaining IS DISTINCT FROM owed OR moved IS DISTINCT FROM owed OR remaining < 0
"""
# What an invoice says was paid from credits, and what was drawn for it and given back.
DRAWS_APART = """
SELECT invoice.number, credits_minor, drawn FROM billing.invoices AS invoice
LEFT JOIN LATERAL (
    SELECT -sum(amount_minor) AS drawn FROM billing.wallet_movements WHERE invoice_id = invoice.id AND kind = 'draw'
) AS movement ON true
WHERE credits_minor <> coalesce(drawn, 0)
"""
# The invoice of a period that was closed where it was to end when it was looked at.
CLOSED_AS_SEEN = """
SELECT invoice_id FROM billing.closings AS closing JOIN accounts.customers AS customer ON customer.id = customer_id
WHERE customer.key = %(key)s AND kind <> 'trial'
    AND period_start = %(start)s::timestamptz AND period_end = %(end)s::timestamptz
"""
DEAD_WORK = "SELECT kind, last_error FROM kit.jobs WHERE state = 'dead'"
BILLED = """
SELECT (SELECT count(*) FROM billing.closings), (SELECT count(*) FROM billing.invoices WHERE number IS NOT NULL),
    (SELECT count(*) FROM billing.invoice_lines WHERE kind = 'usage_adjustment'),
    (SELECT count(*) FROM billing.invoice_lines WHERE kind = 'discount'),
    (SELECT count(*) FROM billing.invoice_lines WHERE kind = 'addon'),
    (SELECT count(*) FROM metering.events), (SELECT count(*) FROM metering.corrections),
    (SELECT count(*) FROM billing.wallet_grants WHERE kind = 'paid'),
    (SELECT count(*) FROM billing.wallet_movements WHERE kind = 'draw')
"""


async def rows(tx: Tx, statement: str, **values: object) -> list[tuple[Any, ...]]:
    return await (await tx.execute(statement.encode(), values)).fetchall()


async def require_whole(year: Year) -> dict[str, int]:
    """Nothing billed twice or skipped, no cent and no token unexplained. Gives how much there was to be wrong."""
    await year.worker.drain()
    balance = (await year.ask("GET", "/api/ledger/trial-balance")).json()
    assert balance["totals"]
    report = await billing.audit(year.runtime, actor="tests")
    assert (report.findings, report.cents) == (0, 0), report.document
    assert all(total["debit_minor"] == total["credit_minor"] for total in balance["totals"]), balance["totals"]
    async with year.runtime.database.read() as tx:
        assert await rows(tx, DEAD_WORK) == []
        assert await rows(tx, BROKEN_PERIODS) == []
        assert await rows(tx, UNCLOSED, now=year.now) == []
        assert await rows(tx, WALLETS_APART) == []
        assert await rows(tx, DRAWS_APART) == []
        # What was taken back from a closed period may wait for an invoice that can carry the credit; nothing else may.
        misrated = await rows(tx, MISRATED, lived_until=year.lived_until)
        assert [each for each in misrated if each[-1] > each[-2]] == []
        [counts] = await rows(tx, BILLED)
    report = await billing.audit(year.runtime, actor="simulated year")
    assert (report.findings, report.cents) == (0, 0), report.document
    assert report.compared > counts[0]
    names = (
        "closings",
        "invoices",
        "adjustments",
        "discounts",
        "addons",
        "events",
        "corrections",
        "topped_up",
        "drawn",
    )
    return dict(zip(names, counts, strict=True))


async def all_invoices(year: Year) -> list[dict[str, Any]]:
    """Every issued invoice with its lines, oldest first, through the API."""
    found, cursor = [], ""
    while True:
        page = (await year.ask("GET", f"/api/invoices?limit=200{cursor}")).json()
        for summary in page["invoices"]:
            found.append((await year.ask("GET", f"/api/invoices/{summary['id']}")).json())
        if page["next"] is None:
            return found[::-1]
        cursor = f"&after={page['next']}"


async def documents(year: Year) -> dict[str, str]:
    """Digests of all that a customer gets to see of every invoice: the whole document, and its PDF."""
    made = {}
    for invoice in await all_invoices(year):
        pdf = await year.ask("GET", f"/api/invoices/{invoice['id']}.pdf")
        assert pdf.content.startswith(b"%PDF")
        for name, content in (("document", json.dumps(invoice).encode()), ("pdf", pdf.content)):
            made[f"{invoice['number']} {name}"] = sha256(content).hexdigest()
    return made


async def require_previewed(year: Year) -> int:
    """Whoever did nothing more was billed what the preview said, to the line. Gives the number of invoices."""
    seen = 0
    for key, preview in year.previews.items():
        period = {"start": preview["period_start"], "end": preview["period_end"]}
        async with year.runtime.database.read() as tx:
            closed = await rows(tx, CLOSED_AS_SEEN, key=key, **period)
        for (invoice_id,) in closed:
            assert (invoice_id is None) == (preview["total_minor"] <= 0), (key, preview)
            if invoice_id is None:
                continue
            invoice = (await year.ask("GET", f"/api/invoices/{public_id('inv', invoice_id)}")).json()
            lines = [{**line, "id": None} for line in invoice["lines"]]
            assert lines == preview["lines"], (key, lines, preview)
            for name in ("total_minor", "tax_minor", "issued_at"):
                assert invoice[name] == preview[name], (key, name, invoice, preview)
            seen += 1
    return seen


async def require_explained(year: Year) -> int:
    """Every line of every invoice: it adds up, its reasons and its events give the same. Gives the number of lines."""
    seen = 0
    for invoice in await all_invoices(year):
        await _require_credits_explained(year, invoice)
        lines = invoice["lines"]
        assert sum(line["amount_minor"] for line in lines) == invoice["total_minor"], invoice["number"]
        assert sum(line["tax_minor"] for line in lines) == invoice["tax_minor"], invoice["number"]
        reasons = (await year.ask("GET", f"/api/invoices/{invoice['id']}/explanation")).json()["lines"]
        assert len(reasons) == len(lines), invoice["number"]
        events = await _events_by_line(year, invoice, reasons)
        for place, (line, reason) in enumerate(zip(lines, reasons, strict=True)):
            _require_reason(invoice["number"], line, reason, events.get(line["id"], []))
            if line["kind"] == "discount":
                _require_discount(line, lines[:place], reason["coupon"])
            if line["kind"] == "addon":
                _require_addon(line, reason)
            seen += 1
    return seen


async def _require_credits_explained(year: Year, invoice: dict[str, Any]) -> None:
    """What credit notes took back of an invoice: each adds up, and each line names the line that it takes back."""
    notes = (await year.ask("GET", f"/api/credit-notes?invoice={invoice['id']}&limit=200")).json()["credit_notes"]
    assert sum(note["total_minor"] for note in notes) <= invoice["total_minor"], invoice["number"]
    by_id = {line["id"]: line for line in invoice["lines"]}
    for note in notes:
        said = (await year.ask("GET", f"/api/credit-notes/{note['id']}/explanation")).json()
        assert sum(each["amount_minor"] for each in said["lines"]) == note["total_minor"], note["number"]
        assert sum(each["tax_minor"] for each in said["lines"]) == note["tax_minor"], note["number"]
        assert all(each["of"]["line"] == by_id[each["of"]["line"]["id"]] for each in said["lines"]), note["number"]


async def _events_by_line(
    year: Year, invoice: dict[str, Any], reasons: list[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """The events of the evidence file by line; the file is whole and says the same reasons."""
    file = await year.ask("GET", f"/api/invoices/{invoice['id']}/evidence.jsonl")
    records = [json.loads(record) for record in file.content.splitlines()]
    of: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record["record"] == "event":
            of.setdefault(record["line"], []).append(record)
    said = [{key: each[key] for key in each if key != "record"} for each in records if each["record"] == "line"]
    assert said == reasons, invoice["number"]
    assert records[-1] == {"record": "end", "lines": len(reasons), "events": sum(map(len, of.values()))}
    return of


def _require_reason(number: str, line: dict[str, Any], reason: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """The reasons of one line give its amount again, and its events the quantity that was rated."""
    assert reason["line"] == line, number
    if line["kind"] == "discount":
        assert reason["coupon"], (number, line)
        return
    assert reason["price"], (number, line)
    assert reason["plan"], (number, line)
    assert reason["plan_version"], (number, line)
    assert reason["price_terms"], (number, line)
    if line["parts"]:
        assert sum(part["amount_minor"] for part in line["parts"]) == line["amount_minor"], (number, line)
    rated, before = reason["rated"], reason["billed_before"]
    if rated is not None:
        assert sum(Decimal(each["value"]) for each in events) == Decimal(rated["quantity"]), (number, line)
    if line["kind"] == "usage":
        assert (rated["quantity"], rated["amount_minor"]) == (line["quantity"], line["amount_minor"]), (number, line)
        assert before is None, (number, line)
    elif line["kind"] == "usage_adjustment":
        # Of a cell that had no use when its period was billed, nothing was.
        billed = before or {"amount_minor": 0, "quantity": "0"}
        assert rated["amount_minor"] - billed["amount_minor"] == line["amount_minor"], (number, line)
        assert Decimal(rated["quantity"]) - Decimal(billed["quantity"]) == Decimal(line["quantity"]), (number, line)
        assert reason["causes"], (number, line)
    else:
        assert rated is None, (number, line)
    if line["kind"] == "proration_credit":
        fee = reason["prorated"]
        exact = Decimal(fee["paid_minor"]) * fee["seconds_left"] / fee["seconds"]
        assert -exact.quantize(Decimal(1), ROUND_HALF_UP) == line["amount_minor"], (number, line)


def _require_discount(line: dict[str, Any], before: list[dict[str, Any]], coupon: dict[str, Any]) -> None:
    """A coupon takes off what its terms say of what the lines before leave."""
    left = sum(each["amount_minor"] for each in before)
    if coupon["on"] == "fees":
        fees = sum(each["amount_minor"] for each in before if each["kind"] in {"flat_fee", "addon", "proration_credit"})
        left = min(left, fees)
    off = coupon["amount_minor"]
    if off is None:
        off = int((Decimal(coupon["percent"]) * left).to_integral_value(ROUND_HALF_UP))
    assert -line["amount_minor"] == min(off, left), (line, coupon)


def _require_addon(line: dict[str, Any], reason: dict[str, Any]) -> None:
    """An add-on costs its quantity times its price, and its stretches are the time of the line."""
    exact = Decimal(line["quantity"]) * Decimal(line["unit_amount_minor"])
    assert int(exact.to_integral_value(ROUND_HALF_UP)) == line["amount_minor"], line
    held = reason["held"]
    assert (held[0]["start_at"], held[-1]["end_at"]) == (line["period_start"], line["period_end"]), (line, held)
