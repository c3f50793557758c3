"""Faults of every kind, as SQL: by name, with what a reconciliation has to say of each."""

from __future__ import annotations

from typing import Any

from autorisen.metering import Aggregation, Dimension, MeterDefinition
from tests.factories.metering import llm_event

MORE_METERS = [
    MeterDefinition("probe.max", "Highest", "x", "probe", Aggregation.MAX, ("x",)),
    MeterDefinition("probe.min", "Lowest", "x", "probe", Aggregation.MIN, ("x",)),
    MeterDefinition("probe.latest", "Latest", "x", "probe", Aggregation.LATEST, ("x",)),
    MeterDefinition("probe.level", "Level", "x", "probe", Aggregation.TIME_WEIGHTED, ("x",)),
    MeterDefinition("probe.users", "Users", "u", "probe", Aggregation.UNIQUE, ("u",)),
    MeterDefinition("probe.sum", "Sum", "x", "probe", Aggregation.SUM, ("x",), None, (Dimension("u", ("u",)),)),
]


ROLLUP = "UPDATE metering.rollups SET {} WHERE meter LIKE '{}%'"
FAULTS: list[tuple[str, list[str], list[str]]] = [
    (
        "an event is gone",
        ["DELETE FROM metering.events WHERE event_id = 'e1'"],
        ["control_total_higher", "events_missing", "rollup_surplus", "rollup_surplus"],
    ),
    (
        "a billed event is gone",
        ["DELETE FROM metering.events WHERE event_id = 'run-7'"],
        ["events_missing", "rollup_quantity"],
    ),
    (
        "an event is there that nobody sent",
        [
            "INSERT INTO metering.events SELECT tenant, source, 'ghost', type, subject, customer_id, occurred_at,"
            " timed, batch_id, data, extensions FROM metering.events WHERE event_id = 'e1'"
        ],
        ["control_total_lower", "events_surplus", "rollup_quantity", "rollup_quantity"],
    ),
    (
        "an event has taken another's place",
        ["UPDATE metering.events SET event_id = 'changed' WHERE event_id = 'e1'"],
        ["control_total_other_events"],
    ),
    (
        "a receipt is gone",
        ["DELETE FROM metering.batches WHERE accepted = 2010"],
        ["events_without_receipt"],
    ),
    ("a receipt says more", ["UPDATE metering.batches SET accepted = 5 WHERE accepted = 4"], ["events_missing"]),
    ("a receipt says less", ["UPDATE metering.batches SET accepted = 3 WHERE accepted = 4"], ["events_surplus"]),
    ("a rollup is changed", [ROLLUP.format("quantity = quantity + 1", "llm.input_tokens")], ["rollup_quantity"]),
    ("a rollup is doubled", [ROLLUP.format("quantity = quantity * 2", "agent.execution")], ["rollup_quantity"]),
    ("a rollup counts events twice", [ROLLUP.format("events = events * 2", "llm.input_tokens")], ["rollup_events"]),
    ("a rollup is gone", ["DELETE FROM metering.rollups WHERE meter LIKE 'agent.execution%'"], ["rollup_missing"]),
    (
        "a rollup is there for nothing",
        [
            "INSERT INTO metering.rollups (meter, customer_id, hour, dimensions, quantity, events)"
            " SELECT meter, customer_id, hour + interval '5 hours', dimensions, quantity, events"
            " FROM metering.rollups WHERE meter LIKE 'llm.input_tokens%'"
        ],
        ["rollup_surplus"],
    ),
    *(
        (f"{name} is changed", [f"UPDATE metering.rollups SET quantity = 99 WHERE meter LIKE '{name}%'"], [*expected])
        for name, expected in {
            "probe.max": ["rollup_quantity"],
            "probe.min": ["rollup_quantity"],
            "probe.latest": ["rollup_quantity"],
            "probe.level": ["rollup_quantity"],
            "probe.users": ["rollup_quantity"],
            "probe.sum": ["rollup_quantity", "rollup_quantity"],
        }.items()
    ),
    ("a value is forgotten", ["DELETE FROM metering.unique_values WHERE ctid = '(0,1)'"], ["unique_values"]),
    (
        "a rating has another quantity",
        ["UPDATE billing.rated_usage SET quantity = quantity + 1 WHERE quantity = 2010"],
        ["line_quantity", "rated_amount", "rated_quantity"],
    ),
    (
        "a rating has another amount",
        ["UPDATE billing.rated_usage SET amount_minor = amount_minor + 1 WHERE quantity = 2010"],
        ["line_amount", "rated_amount"],
    ),
    (
        "a meter was not rated",
        [
            "UPDATE billing.invoice_lines SET rated_usage_id = NULL, meter = NULL, kind = 'flat_fee'"
            " WHERE meter = 'agent.execution'",
            "DELETE FROM billing.rated_usage WHERE quantity = 2010",
        ],
        ["rating_missing"],
    ),
    (
        "a line has another quantity",
        ["UPDATE billing.invoice_lines SET quantity = quantity + 1 WHERE meter = 'agent.execution'"],
        ["line_quantity"],
    ),
    (
        "a line has another amount",
        ["UPDATE billing.invoice_lines SET amount_minor = amount_minor + 100 WHERE meter = 'agent.execution'"],
        ["invoice_total", "line_amount"],
    ),
    (
        "a line is gone",
        ["DELETE FROM billing.invoice_lines WHERE meter = 'agent.execution'"],
        ["invoice_total", "line_missing"],
    ),
    (
        "a line is there twice",
        [
            "DROP INDEX billing.invoice_lines_once_per_rating",
            "INSERT INTO billing.invoice_lines SELECT gen_random_uuid(), invoice_id, position + 100, kind, description,"
            " quantity, included, unit_amount, unit_label, amount_minor, tax_minor, period_start, period_end, price_id,"
            " meter, rated_usage_id FROM billing.invoice_lines WHERE meter = 'agent.execution'",
        ],
        ["invoice_total", "line_doubled"],
    ),
]


def probe(id: str, x: int, user: str) -> dict[str, Any]:
    return llm_event(id, type="probe", time=f"2026-03-04T07:{x:02}:00Z", data={"x": x, "u": user})
