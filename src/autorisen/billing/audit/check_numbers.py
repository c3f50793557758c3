"""Document numbers: no gap, no double, and the counter at the last one."""

from __future__ import annotations

from contextlib import aclosing

from autorisen.billing.audit import store
from autorisen.billing.audit.model import NumberWalk
from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Findings


async def _run(tx: Tx, findings: Findings) -> None:
    counters = await store.counters(tx)
    walks: dict[str, NumberWalk] = {}
    async with aclosing(store.numbers(tx)) as numbers:
        async for series, number in numbers:
            findings.count(1)
            findings.add(walks.setdefault(series, NumberWalk(series)).take(number))
    for series in sorted(counters.keys() | walks.keys()):
        findings.add(walks.get(series, NumberWalk(series)).end(counters.get(series)))


CHECK_NUMBERS = Check("numbers", "document numbers have no gap and no double", store.count_invoices, _run)
