"""What a reconciliation compares and finds. Pure: values in, discrepancies out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.metering.control_totals.model import Place, Tally, agrees, digest_text
from autorisen.metering.counting import Counts, Spot, area, hour_at
from autorisen.metering.model import HOUR, OPERATOR, hour_of

# What one report lists; beyond it differences are only counted.
LISTED_LIMIT = 10_000
# What one difference names of the events concerned; beyond it they are only counted.
EVENTS_LIMIT = 100
# Hours that are younger are looked at every night; older ones when something came to them, and by --full.
RECENT = timedelta(days=3)


class CheckName(StrEnum):
    """The links of the chain, in its order."""

    CONTROL_TOTALS = "control_totals"
    RECEIPTS = "receipts"
    ROLLUPS = "rollups"
    RATED_USAGE = "rated_usage"
    INVOICE_LINES = "invoice_lines"


class Kind(StrEnum):
    """What can be wrong."""

    CONTROL_TOTAL_HIGHER = "control_total_higher"  # the producer counts events that are not stored
    CONTROL_TOTAL_LOWER = "control_total_lower"  # events are stored that the producer does not count
    CONTROL_TOTAL_OTHER_EVENTS = "control_total_other_events"  # as many, but not the same
    EVENTS_WITHOUT_RECEIPT = "events_without_receipt"
    EVENTS_MISSING = "events_missing"  # a receipt says that more were stored
    EVENTS_SURPLUS = "events_surplus"  # a receipt says that fewer were stored
    ROLLUP_MISSING = "rollup_missing"
    ROLLUP_SURPLUS = "rollup_surplus"  # there is nothing that it could come from
    ROLLUP_QUANTITY = "rollup_quantity"
    ROLLUP_EVENTS = "rollup_events"
    UNIQUE_VALUES = "unique_values"
    RATED_QUANTITY = "rated_quantity"
    RATED_AMOUNT = "rated_amount"
    RATING_MISSING = "rating_missing"
    LINE_MISSING = "line_missing"
    LINE_DOUBLED = "line_doubled"
    LINE_QUANTITY = "line_quantity"
    LINE_AMOUNT = "line_amount"
    INVOICE_TOTAL = "invoice_total"


@dataclass(frozen=True)
class Discrepancy:
    """One difference: at which `place`, what was `expected` by the earlier link, what was `found`.

    `events` are the events concerned as far as they are known, the first of `events_total`. `is_repaired` says that
    the rollup was counted again.
    """

    check: CheckName
    kind: Kind
    place: Mapping[str, str]
    expected: str
    found: str
    events: tuple[str, ...] = ()
    events_total: int = 0
    note: str = ""
    is_repaired: bool = False


@dataclass(frozen=True)
class Scope:
    """What is looked at: everything, or hours from `since` on and what arrived since then. `until` is now."""

    since: datetime | None
    until: datetime

    @property
    def is_full(self) -> bool:
        return self.since is None


@dataclass
class Findings:
    """What one check came to: how many things it compared, how many differ, and the first of those.

    `explained` are quantities that changed after they were billed, by events that came late: the next invoice has a
    line for them.
    """

    check: CheckName
    compared: int = 0
    differences: int = 0
    explained: int = 0
    repaired: int = 0
    listed: list[Discrepancy] = field(default_factory=list)

    def add(self, found: Sequence[Discrepancy]) -> None:
        self.differences += len(found)
        self.listed += found[: max(0, LISTED_LIMIT - len(self.listed))]


@dataclass(frozen=True)
class Reconciliation:
    """A report as it is kept, with the digest of its document. `repaired` of the `differences` were repaired."""

    id: UUID
    began_at: datetime
    finished_at: datetime
    actor: str
    scope: Scope
    differences: int
    repaired: int
    digest: str
    document: str = ""

    @property
    def public_id(self) -> str:
        return public_id("rec", self.id)

    @property
    def outstanding(self) -> int:
        """The differences that somebody has to look at."""
        return self.differences - self.repaired


def default_scope(now: datetime, last_began_at: datetime | None) -> Scope:
    """Recent hours, further back when the last reconciliation is longer ago."""
    return Scope(hour_of(min(now, last_began_at or now) - RECENT), now)


def tenant_name(tenant: UUID) -> str:
    return "operator" if tenant == OPERATOR else public_id("cus", tenant)


def spot_event(source: str, id: str) -> str:
    """How a report names an event."""
    return f"{source} {id}"


# ------------------------------------------------------------------------------------- control totals and receipts


def compare_totals(
    place: Place, said: Tally, stored: Tally, missing: Sequence[str], unexpected: Sequence[str]
) -> list[Discrepancy]:
    """What producers counted against what is stored. `missing` and `unexpected` are the ids that they named."""
    if agrees(said, stored):
        return []
    if said.events > stored.events:
        kind, named = Kind.CONTROL_TOTAL_HIGHER, missing
    elif said.events < stored.events:
        kind, named = Kind.CONTROL_TOTAL_LOWER, unexpected
    else:
        kind, named = Kind.CONTROL_TOTAL_OTHER_EVENTS, [*missing, *unexpected]
    note = "" if named else "the producer's ids would name the events: POST /api/control-totals/events"
    return [
        Discrepancy(
            CheckName.CONTROL_TOTALS,
            kind,
            {"producer": tenant_name(place.tenant), "source": place.source, "hour": place.hour.isoformat()},
            _tally(said),
            _tally(stored),
            tuple(spot_event(place.source, id) for id in named[:EVENTS_LIMIT]),
            len(named),
            note,
        )
    ]


def _tally(tally: Tally) -> str:
    digest = digest_text(tally.digest)
    return f"{tally.events} events" + (f", digest {digest}" if digest else "")


def compare_batches(accepted: Mapping[UUID, int], stored: Mapping[UUID, int]) -> list[Discrepancy]:
    """What receipts say was stored of each batch against how many events have it."""
    found = []
    for batch in sorted(accepted.keys() | stored.keys()):
        said, there = accepted.get(batch), stored.get(batch, 0)
        if said == there:
            continue
        if said is None:
            kind = Kind.EVENTS_WITHOUT_RECEIPT
        else:
            kind = Kind.EVENTS_MISSING if there < said else Kind.EVENTS_SURPLUS
        expected = "a receipt" if said is None else f"{said} events"
        found.append(Discrepancy(CheckName.RECEIPTS, kind, {"batch": str(batch)}, expected, f"{there} events"))
    return found


# ------------------------------------------------------------------------------------------------------- rollups


@dataclass(frozen=True)
class Rolled:
    """A rollup as it is, or as it should be: `values` is the number of different values of a `unique` meter."""

    quantity: Decimal
    events: int
    values: int | None = None


def expected_rollups(counts: Counts) -> dict[Spot, Rolled]:
    """The rollups that these counts, which hold all events of their hours, make."""
    found: dict[Spot, Rolled] = {}
    for numbers in (counts.sums, counts.highest, counts.lowest):
        found |= {spot: Rolled(Decimal(quantity), events) for spot, (quantity, events) in numbers.items()}
    found |= {spot: Rolled(Decimal(sample.value), events) for spot, (sample, events) in counts.latest.items()}
    for spot, (digests, events) in counts.unique.items():
        found[spot] = Rolled(Decimal(len(digests)), events, len(digests))
    for spot, samples in counts.levels.items():
        found[spot] = Rolled(area(sorted(samples), hour_at(spot[2]) + HOUR), len(samples))
    return found


def compare_rolled(
    expected: Mapping[Spot, Rolled], found: Mapping[Spot, Rolled], meters: Mapping[str, str]
) -> list[tuple[Spot, Discrepancy]]:
    """Rollups against what the events of their hours add up to. `meters` are the keys by series."""
    differing = []
    for spot in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(spot), found.get(spot)
        for kind, should, is_ in _differences(wanted, there):
            place = {
                "customer": public_id("cus", UUID(spot[0])),
                "meter": meters[spot[1]],
                "hour": hour_at(spot[2]).isoformat(),
            }
            if spot[3]:
                place["dimensions"] = spot[3]
            differing.append((spot, Discrepancy(CheckName.ROLLUPS, kind, place, should, is_)))
    return differing


def _differences(wanted: Rolled | None, there: Rolled | None) -> Iterable[tuple[Kind, str, str]]:
    if wanted is None:
        if there is not None and there != Rolled(Decimal(0), 0):
            yield Kind.ROLLUP_SURPLUS, "nothing", _rolled(there)
        return
    if there is None:
        yield Kind.ROLLUP_MISSING, _rolled(wanted), "nothing"
        return
    if wanted.quantity != there.quantity:
        yield Kind.ROLLUP_QUANTITY, _rolled(wanted), _rolled(there)
    elif wanted.events != there.events:
        yield Kind.ROLLUP_EVENTS, _rolled(wanted), _rolled(there)
    if wanted.values is not None and wanted.values != there.values:
        yield Kind.UNIQUE_VALUES, f"{wanted.values} values", f"{there.values or 0} values"


def _rolled(rolled: Rolled) -> str:
    return f"{rolled.quantity:f} of {rolled.events} events"
