"""The SQL of payments' part of the audit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import LiteralString

from psycopg.rows import TupleRow

from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.kit.money import Money
from autorisen.payments.audited import MoneyMoved, Walk
from autorisen.payments.model import PaymentStatus

COUNT_PAYMENTS: LiteralString = "SELECT count(*) FROM payments.payments"
WALKS: LiteralString = """
    SELECT payment.id, payment.status, payment.succeeded_at IS NOT NULL, payment.amount_minor, payment.refunded_minor,
        payment.refund_asked_minor, payment.currency,
        (SELECT coalesce(array_agg(step.from_status || '>' || step.to_status ORDER BY step.id), '{}')
            FROM payments.history AS step WHERE step.payment_id = payment.id),
        (SELECT coalesce(sum(refund.amount_minor), 0)::bigint
            FROM payments.refunds AS refund WHERE refund.payment_id = payment.id), payment.disputes_won
    FROM payments.payments AS payment ORDER BY payment.id
"""
MOVED: LiteralString = """
    SELECT payment.id, payment.customer_id, payment.gateway, payment.reference, payment.amount_minor,
        payment.refunded_minor, payment.fee_minor, payment.currency, payment.status,
        payment.disputes_won, (SELECT count(*) FROM payments.history AS step
            WHERE step.payment_id = payment.id AND step.to_status = 'disputed')
    FROM payments.payments AS payment WHERE payment.succeeded_at IS NOT NULL ORDER BY payment.id
"""


async def count_payments(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_PAYMENTS)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


def walks(tx: Tx) -> AsyncGenerator[Walk]:
    """How each payment came to where it is."""
    return stream(tx, WALKS, make=_walk)


def money_moved(tx: Tx) -> Stream:
    """Every payment by which money came to us, a `MoneyMoved` by its id."""
    return stream(tx, MOVED, make=lambda row: (str(row[0]), _moved(row)))


def _walk(row: TupleRow) -> Walk:
    id, status, succeeded, amount, refunded, asked, currency, steps, requests, won = row
    return Walk(
        id=id,
        status=PaymentStatus(status),
        has_succeeded=succeeded,
        amount=Money(amount, currency),
        refunded=Money(refunded, currency),
        refund_asked=Money(asked, currency),
        steps=tuple(steps),
        refund_requests=Money(requests, currency),
        disputes_won=won,
    )


def _moved(row: TupleRow) -> MoneyMoved:
    id, customer, gateway, reference, amount, refunded, fee, currency, status, won, disputes = row
    money = (Money(amount, currency), Money(refunded, currency), Money(fee, currency))
    return MoneyMoved(id, customer, gateway, reference, *money, PaymentStatus(status), disputes, won)
