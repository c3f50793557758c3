"""Signatures: what holds, and everything that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.payments.gateway import Forged
from autorisen.payments.standard_webhooks import ID, SIGNATURE, TIMESTAMP, TOLERANCE_SECONDS, sign, verify

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SECRET = b"k" * 32
BODY = b'{"type":"payment.succeeded"}'


def headers(**changes: str | None) -> dict[str, str]:
    made: dict[str, str | None] = {**sign(SECRET, event_id="sev_1", at=AT, body=BODY), **changes}
    return {name: value for name, value in made.items() if value is not None}


def test_the_published_example_holds() -> None:
    """The worked example of the Standard Webhooks specification, so that we sign what others verify."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = sign(secret, event_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=datetime.fromtimestamp(1614265330, UTC), body=body)
    assert made[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_signed_holds() -> None:
    assert verify([SECRET], headers(), BODY, at=AT) == "sev_1"


def test_either_secret_holds_while_one_is_rotated() -> None:
    old, new = sign(b"old" * 10, event_id="sev_1", at=AT, body=BODY), headers()
    both = {**new, SIGNATURE: f"v1a,x {old[SIGNATURE]} {new[SIGNATURE]}"}
    assert verify([SECRET], both, BODY, at=AT) == "sev_1"
    assert verify([b"old" * 10, b"other"], both, BODY, at=AT) == "sev_1"


@pytest.mark.parametrize(
    "given,body,reason",
    [
        (headers(**{ID: None}), BODY, "header_missing"),
        (headers(**{TIMESTAMP: None}), BODY, "header_missing"),
        (headers(**{SIGNATURE: None}), BODY, "header_missing"),
        (headers(**{SIGNATURE: ""}), BODY, "header_missing"),
        (headers(**{ID: "e" * 256}), BODY, "id_malformed"),
        (headers(**{ID: "sev\x001"}), BODY, "id_malformed"),
        (headers(**{ID: "sev_\u00e9"}), BODY, "id_malformed"),
        (headers(**{TIMESTAMP: "soon"}), BODY, "timestamp_malformed"),
        (headers(**{TIMESTAMP: "-1"}), BODY, "timestamp_malformed"),
        (headers(**{TIMESTAMP: "1" * 13}), BODY, "timestamp_malformed"),
        (headers(**{TIMESTAMP: "\u0661"}), BODY, "timestamp_malformed"),
        (headers(**{ID: "sev_2"}), BODY, "signature_wrong"),
        (headers(**{TIMESTAMP: str(int(AT.timestamp()) + 1)}), BODY, "signature_wrong"),
        (headers(**{SIGNATURE: "v1,"}), BODY, "signature_wrong"),
        (headers(**{SIGNATURE: "v1,\u00e9"}), BODY, "signature_wrong"),
        (headers(**{SIGNATURE: headers()[SIGNATURE].replace("v1", "v2")}), BODY, "signature_wrong"),
        (headers(**{SIGNATURE: " ".join(["v1,x"] * 8 + [headers()[SIGNATURE]])}), BODY, "signature_wrong"),
        (headers(), BODY + b" ", "signature_wrong"),
        (headers(), BODY[:-1], "signature_wrong"),
        (headers(), b"", "signature_wrong"),
    ],
)
def test_everything_else_is_refused(given: dict[str, str], body: bytes, reason: str) -> None:
    with pytest.raises(Forged, match=f"^{reason}$"):
        verify([SECRET], given, body, at=AT)


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS, TOLERANCE_SECONDS])
def test_the_window_is_open_to_its_edge_on_both_sides(seconds: int) -> None:
    assert verify([SECRET], headers(), BODY, at=AT + timedelta(seconds=seconds)) == "sev_1"


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 86_400, -86_400])
def test_stale_and_future_deliveries_are_refused(seconds: int) -> None:
    with pytest.raises(Forged, match="timestamp_out_of_window"):
        verify([SECRET], headers(), BODY, at=AT + timedelta(seconds=seconds))


def test_without_a_secret_nothing_holds() -> None:
    with pytest.raises(Forged, match="signature_wrong"):
        verify([], headers(), BODY, at=AT)


@given(
    body=st.binary(max_size=200), event_id=st.text("abcdef_0123456789", min_size=1, max_size=40), flip=st.integers(0)
)
def test_any_changed_byte_breaks_the_signature(body: bytes, event_id: str, flip: int) -> None:
    made = sign(SECRET, event_id=event_id, at=AT, body=body)
    assert verify([SECRET], made, body, at=AT) == event_id
    changed = bytearray(body or b"\x00")
    changed[flip % len(changed)] ^= 1
    with pytest.raises(Forged):
        verify([SECRET], made, bytes(changed), at=AT)


def test_the_signed_text_is_id_timestamp_and_body() -> None:
    text = b"sev_1." + str(int(AT.timestamp())).encode() + b"." + BODY
    expected = base64.b64encode(hmac.digest(SECRET, text, hashlib.sha256)).decode()
    assert headers()[SIGNATURE] == f"v1,{expected}"
