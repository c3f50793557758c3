"""The pure rules of accounts: passwords, names, e-mail addresses, keys of customers and of programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.accounts.access import safe_next
from autorisen.accounts.errors import TooManyAttempts, WrongCredentials
from autorisen.accounts.form_errors import by_field, sentence
from autorisen.accounts.input_rules import Checks, countries, key_from_name, time_zone_of
from autorisen.accounts.key_format import make_key, parse_key
from autorisen.accounts.model import Principal
from autorisen.accounts.password_policy import is_common, password_errors
from autorisen.accounts.passwords import hash_password, needs_rehash, verify_password
from autorisen.accounts.throttle import LOGIN_RULES, bucket, network
from autorisen.kit.problems import FieldError, InvalidInput

WHO = {"email": "first.member@acme.example", "name": "First Member"}


@pytest.mark.parametrize(
    "password",
    [
        "the rain in the Karoo",
        "correct horse battery staple",
        "8372-9917-2231-0034",
        "ünïcödé is fine",
        "x" + "ab9" * 340,
        " twelve spaces    ",
        "First Member rides a bicycle",
    ],
)
def test_v6_2_5_any_composition_is_taken(password: str) -> None:
    assert password_errors(password, **WHO) == ()


@pytest.mark.parametrize(
    "password,rule",
    [
        ("elevenchars", "at least 12"),
        ("", "at least 12"),
        ("x1" * 513, "at most 1024"),
        ("é" * 513, "at most 1024"),
        ("first.member@acme.example", "e-mail"),
        ("FIRST MEMBER", "e-mail"),
        ("first.member2026", "e-mail"),
        ("FirstMember!", "e-mail"),
    ],
)
def test_v6_2_1_short_long_and_personal_ones_are_not(password: str, rule: str) -> None:
    errors = password_errors(password, **WHO)
    assert len(errors) == 1
    assert rule in errors[0].rule


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password1234!", "P@ssw0rd2024!!", "passwordpassword", "123456789012", "1234567890123456",
        "qwertyuiop12", "qwertyuiopas", "1q2w3e4r5t6y", "aaaaaaaaaaaa", "abcabcabcabc", "iloveyou2024",
        "letmein12345", "adminadmin12", "welcome12345", "trustno1trustno1", "abcdefghijkl",
        "987654321098", "football1234", "dragon123456", "!!!monkey!!!",
    ],
)  # fmt: skip
def test_v6_2_4_what_is_guessed_first_is_not(password: str) -> None:
    assert is_common(password)
    assert "guessed first" in password_errors(password, **WHO)[0].rule


async def test_v6_2_8_a_password_is_verified_exactly_as_typed() -> None:
    hashed = await hash_password(" Twelve Chars ")
    assert await verify_password(hashed.encoded, " Twelve Chars ")
    for other in ("Twelve Chars", " twelve chars ", " Twelve Chars  ", " Twelve Chars \n"):
        assert not await verify_password(hashed.encoded, other)
    long = "ab9" * 341
    assert not await verify_password((await hash_password(long)).encoded, long[:-1])


async def test_v11_4_2_argon2id_with_present_parameters() -> None:
    encoded = (await hash_password("the rain in the Karoo")).encoded
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not needs_rehash(encoded)
    assert needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A")
    assert not await verify_password("no hash at all", "x")
    assert not await verify_password(None, "\x00" * 32)


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=32, max_size=32))
def test_every_key_that_is_made_is_well_formed(random_id: bytes, random_secret: bytes) -> None:
    text, parts = make_key(random_id, random_secret)
    assert len(text) == 67
    assert parse_key(text) == parts


def test_invented_keys_do_not_pass_the_checksum() -> None:
    texts = [make_key(n.to_bytes(6, "big"), bytes(32))[0] for n in range(10_000)]
    assert sum(parse_key(text[:-6] + "000000") is not None for text in texts) == 0


@pytest.mark.parametrize(
    "name,key",
    [
        ("Müller & Söhne (Pty) Ltd", "muller-sohne-pty-ltd"),
        ("  ACME  ", "acme"),
        ("東京", "customer"),
        ("--", "customer"),
        ("a" * 80, "a" * 48),
        ("a" * 47 + " bc", "a" * 47),
        ("cus_01h", "cus-01h"),
    ],
)
def test_a_customer_key_comes_from_the_name(name: str, key: str) -> None:
    assert key_from_name(name) == key


@given(st.text())
def test_every_derived_key_keeps_the_rule_of_keys(name: str) -> None:
    checks = Checks()
    checks.key("key", key_from_name(name))
    checks.done()


@pytest.mark.parametrize(
    "email,is_one",
    [
        ("ann@acme.example", True),
        (" ann@acme.example ", True),
        ("ann+tag@mail.acme.example", True),
        ("ánn@acme.example", True),
        ("ann@localhost", True),
        ("@acme.example", False),
        ("ann@", False),
        ("ann", False),
        ("ann@acme..example", False),
        ("a" * 65 + "@acme.example", False),
        ("ann@" + "a" * 64 + ".example", False),
        ("ann@" + "acme." * 50 + "example", False),
        ("ann@acme.example\nBcc: x", False),
        ("ann\x00@acme.example", False),
        ("ann\u2028@acme.example", False),
        ("<ann@acme.example>", False),
    ],
)
def test_what_an_email_address_is(email: str, is_one: bool) -> None:
    checks = Checks()
    assert checks.email("email", email) == email.strip()
    assert (checks.errors == []) is is_one


@pytest.mark.parametrize("mark", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_no_name_turns_the_text_behind_it_around(mark: str) -> None:
    checks = Checks()
    checks.line("name", f"Acme{mark} dtL")
    checks.lines("address", f"1 Long Street\n{mark}Cape Town")
    assert [each.field for each in checks.errors] == ["/name", "/address"]
    # Right-to-left writing itself, and how letters join, are names as any.
    kept = Checks()
    assert kept.line("name", "\u05e9\u05dc\u05d5\u05dd \u200f\u200d")
    assert not kept.errors


def test_all_broken_rules_are_told_at_once() -> None:
    checks = Checks()
    checks.line("name", "")
    checks.line("company_name", "a\nb")
    checks.line("other", "x" * 121)
    checks.lines("address", "x" * 601)
    checks.lines("address2", "a\x00b")
    checks.vat_number("vat_number", "4123456789!")
    with pytest.raises(InvalidInput) as caught:
        checks.done()
    fields = [error.field for error in caught.value.errors]
    assert fields == ["/name", "/company_name", "/other", "/address", "/address2", "/vat_number"]


def test_text_is_kept_as_people_write_it() -> None:
    checks = Checks()
    assert checks.line("name", "  Zoe\u0308 ") == "Zoë"
    assert checks.line("note", "", needed=False) == ""
    assert checks.lines("address", " 1 Long Street \r\n\r\nCape Town\n") == "1 Long Street\n\nCape Town"
    checks.done()


def test_countries_and_time_zones() -> None:
    assert ("ZA", "South Africa") in countries()
    assert time_zone_of("ZA") == "Africa/Johannesburg"
    assert time_zone_of("NA") == "UTC"


def test_a_refused_form_speaks_in_sentences() -> None:
    problem = InvalidInput(errors=[FieldError("/email", "give an e-mail address")])
    assert by_field(problem) == {"email": "Give an e-mail address."}
    assert sentence(WrongCredentials("check both.")) == "The e-mail address and the password do not match. Check both."
    assert sentence(TooManyAttempts(retry_after_seconds=1)) == "Too many attempts."


def test_attempts_are_counted_under_digests_by_network() -> None:
    names = {bucket("login", rule, email="ann@acme.example", ip="::1") for rule in LOGIN_RULES}
    assert len(names) == 3
    assert all("ann" not in name for name in names)
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:1::7") == network("2001:db8:1:1:ffff::9") == "2001:db8:1:1::/64"
    assert network("not an address") == "unknown"


def test_nobody_has_a_name_in_the_audit_log() -> None:
    assert Principal(kind="user").actor == "nobody"


def test_a_path_of_ours_is_kept() -> None:
    assert safe_next("/app/invoices?x=1#top") == "/app/invoices?x=1#top"
    assert safe_next("https://evil.example", "/console") == "/console"
