"""What a visitor and a customer are offered: pure, from the shipped catalog."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from autorisen.catalog import PlanVersion, load_catalog, shipped_catalog
from autorisen.kit.money import Money
from autorisen.metering import MeterDefinition, load_meters
from autorisen.portal.offer import Subscribed, comparison, example_month, featured, per_month, plan_cards


@pytest.fixture(scope="module")
def meters() -> list[MeterDefinition]:
    return load_meters(load_catalog(shipped_catalog()).meters)


@pytest.fixture(scope="module")
def plans() -> list[PlanVersion]:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    drafts = load_catalog(shipped_catalog()).plans
    return [
        PlanVersion(
            id=UUID(int=number),
            version=1,
            effective_from=since,
            plan_key=draft.plan_key,
            name=draft.name,
            tagline=draft.tagline,
            rank=draft.rank,
            is_default=draft.is_default,
            limits=draft.limits,
            features=draft.features,
            prices=draft.prices,
        )
        for number, draft in enumerate(drafts, start=1)
    ]


Offered = tuple[list[PlanVersion], list[MeterDefinition]]


@pytest.fixture(scope="module")
def offered(plans: list[PlanVersion], meters: list[MeterDefinition]) -> Offered:
    return plans, meters


def test_a_visitor_is_sent_to_register(offered: Offered) -> None:
    cards = plan_cards(*offered, currency="ZAR", interval="month")
    assert [(card.name, card.price) for card in cards] == [
        ("Free", Money(0, "ZAR")),
        ("Pro", Money(52900, "ZAR")),
        ("Enterprise", Money(179900, "ZAR")),
    ]
    assert [card.action.label for card in cards] == ["Start free", "Start with Pro", "Start with Enterprise"]
    assert {card.action.href for card in cards} == {"/register"}
    assert [card.is_marked for card in cards] == [False, True, False]
    assert cards[0].allowances[0].beyond == (), "the free plan sells nothing beyond its allowance"
    assert cards[1].limits == ("50 agents", "25 projects", "5 GB storage")
    assert cards[2].limits[1] == "Unlimited projects"


def test_yearly_prices_say_what_is_saved_and_pool_twelve_months(offered: Offered) -> None:
    pro = plan_cards(*offered, currency="ZAR", interval="year")[1]
    assert pro.price == Money(499000, "ZAR")
    assert pro.monthly == Money(41583, "ZAR")
    assert pro.saving is not None
    assert round(pro.saving, 3) == Decimal("0.214")
    assert pro.allowances[0].included == 24_000


def test_a_twelfth_is_rounded_half_up() -> None:
    assert per_month(Money(6, "ZAR")) == Money(1, "ZAR")
    assert per_month(Money(17, "ZAR")) == Money(1, "ZAR")
    assert per_month(Money(18, "ZAR")) == Money(2, "ZAR")


@pytest.mark.parametrize(
    "has,interval,labels",
    [
        (Subscribed("free", 0, "month", "ZAR"), "month", ["Your plan", "Upgrade to Pro", "Upgrade to Enterprise"]),
        (Subscribed("free", 0, "month", "ZAR"), "year", ["Your plan", "Upgrade to Pro", "Upgrade to Enterprise"]),
        (
            Subscribed("pro", 1, "month", "ZAR"),
            "month",
            ["Change at the end of the period", "Your plan", "Upgrade to Enterprise"],
        ),
        (
            Subscribed("pro", 1, "month", "ZAR"),
            "year",
            ["Change at the end of the period", "Pay by the year", "Upgrade to Enterprise"],
        ),
    ],
)
def test_a_customer_sees_what_can_be_done_from_here(
    offered: Offered, has: Subscribed, interval: str, labels: list[str]
) -> None:
    cards = plan_cards(
        *offered, currency="ZAR", interval="year" if interval == "year" else "month", has=has, is_signed_in=True
    )
    assert [card.action.label for card in cards] == labels
    assert [card.is_marked for card in cards] == [card.is_current for card in cards]


def test_an_operator_is_offered_nothing(offered: Offered) -> None:
    cards = plan_cards(*offered, currency="ZAR", interval="month", is_signed_in=True)
    assert {card.action.href for card in cards} == {None}


def test_the_example_is_rated_as_an_invoice_would_be(offered: Offered) -> None:
    plans, meters = offered
    pro = featured(plans)
    assert pro is not None
    example = example_month(pro, meters, "ZAR")
    assert example is not None
    # 529.00 + 640 x 0.25 + 4 184 220 x 60.00 / 1 000 000, each line rounded once.
    assert [rated.amount.minor for _, rated, _ in example.lines] == [16000, 25105, 0]
    assert example.total == Money(94005, "ZAR")
    assert example_month(pro, meters, "EUR") is None


def test_the_comparison_leaves_out_what_is_not_sold_that_way(offered: Offered) -> None:
    plans, meters = offered
    rand_only = replace(plans[1], prices=tuple(price for price in plans[1].prices if price.currency == "ZAR"))
    sold = [plans[0], rand_only, plans[2]]
    assert [card.name for card in plan_cards(sold, meters, currency="USD", interval="month")] == ["Free", "Enterprise"]
    rows = comparison(sold, meters, currency="USD", interval="month")
    assert {len(cells) for _, cells in rows.allowances} == {2}
    assert dict(rows.limits)["Storage"] == ("512 MB", "50 GB")


def test_without_a_paid_plan_there_is_no_example(offered: Offered) -> None:
    assert featured(offered[0][:1]) is None
