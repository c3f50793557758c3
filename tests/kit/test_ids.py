"""Ids: RFC 9562 version 7, in order; TypeID public ids with the specification's own vectors."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import Ids, MalformedId, parse_public_id, public_id, seeded_ids

AT = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def test_new_ids_are_version_7_and_carry_the_time() -> None:
    made = Ids(FrozenClock(AT)).new()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(AT.timestamp() * 1000)


def test_ids_sort_in_the_order_they_were_made_even_within_a_millisecond_and_when_the_clock_steps_back() -> None:
    clock = FrozenClock(AT)
    ids = Ids(clock)
    made = [ids.new() for _ in range(10_000)]
    clock.advance(timedelta(hours=-1))
    made += [ids.new() for _ in range(10)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_seeded_ids_repeat() -> None:
    one, other = seeded_ids(FrozenClock(AT), 1), seeded_ids(FrozenClock(AT), 1)
    assert [one.new() for _ in range(3)] == [other.new() for _ in range(3)]
    assert seeded_ids(FrozenClock(AT), 2).new() != seeded_ids(FrozenClock(AT), 1).new()


def test_tokens_are_url_safe_and_long() -> None:
    token = Ids(FrozenClock(AT)).token()
    assert len(token) == 43
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(Ids(FrozenClock(AT)).bytes(7)) == 7


# The first and the last id of the TypeID specification, and its example.
@pytest.mark.parametrize(
    "number, suffix",
    [
        ("00000000-0000-0000-0000-000000000000", "00000000000000000000000000"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q"),
    ],
)
def test_public_ids_match_the_typeid_specification(number: str, suffix: str) -> None:
    assert public_id("cus", UUID(number)) == f"cus_{suffix}"
    assert parse_public_id("cus", f"cus_{suffix}") == UUID(number)


@given(st.uuids(), st.uuids())
def test_public_ids_round_trip_and_keep_the_order(one: UUID, other: UUID) -> None:
    assert parse_public_id("inv", public_id("inv", one)) == one
    assert (public_id("inv", one) < public_id("inv", other)) == (one.int < other.int)


@pytest.mark.parametrize(
    "text",
    ["", "cus_", "inv_01h455vb4pex5vsknk084sn02q", "cus_01h455vb4pex5vsknk084sn02", "cus_81h455vb4pex5vsknk084sn02q",
     "cus_01H455VB4PEX5VSKNK084SN02Q", "cus_01h455vb4pex5vsknk084sn0il", "01h455vb4pex5vsknk084sn02q",
     "cus_é" + "0" * 25],
)  # fmt: skip
def test_malformed_public_ids_are_not_found(text: str) -> None:
    with pytest.raises(MalformedId) as caught:
        parse_public_id("cus", text)
    assert caught.value.status == 404
