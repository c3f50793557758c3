"""docs/howto/sign-in-and-keys.md says what the code does (ASVS V6.1.1, V7.1.1: limits are written down)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from autorisen.accounts.api_keys import CACHE_LIFE
from autorisen.accounts.key_format import PATTERN, make_key
from autorisen.accounts.model import ALL_SCOPES, CUSTOMER_SESSION, OPERATOR_SESSION
from autorisen.accounts.password_policy import MAX_BYTES, MIN_BYTES
from autorisen.accounts.session_cookie import COOKIE, LOOPBACK_COOKIE
from autorisen.accounts.throttle import LOGIN_RULES, REGISTER_RULES

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "sign-in-and-keys.md").read_text()
NAMES = {"account+ip": "address and network", "account": "address", "ip": "network"}


def test_the_throttling_rules_are_written_down() -> None:
    for action, rules in (("signing in", LOGIN_RULES), ("registering", REGISTER_RULES)):
        for rule in rules:
            minutes = rule.window // timedelta(minutes=1)
            assert f"| {action} | {NAMES[rule.what]} | {rule.attempts} | {minutes} minutes |" in PAGE
    assert PAGE.count("minutes |") == len(LOGIN_RULES) + len(REGISTER_RULES)


def test_the_session_limits_are_written_down() -> None:
    days, hours = timedelta(days=1), timedelta(hours=1)
    idle, whole = CUSTOMER_SESSION.idle // days, CUSTOMER_SESSION.absolute // days
    assert f"| members of a customer | {idle} days | {whole} days |" in PAGE
    idle, whole = OPERATOR_SESSION.idle // hours, OPERATOR_SESSION.absolute // hours
    assert f"| operators | {idle} hours | {whole} hours |" in PAGE


def test_passwords_cookies_and_keys_are_written_down() -> None:
    assert f"{MIN_BYTES} to {MAX_BYTES} bytes" in PAGE
    assert f"`{COOKIE}`" in PAGE
    assert f"`{LOOPBACK_COOKIE}`" in PAGE
    assert f"within {CACHE_LIFE // timedelta(seconds=1)} seconds" in PAGE
    for scope in ALL_SCOPES:
        assert f"| `{scope}` |" in PAGE
    text, _ = make_key(bytes(6), bytes(32))
    assert PATTERN.fullmatch(text)
    assert "ark_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}" in PAGE
