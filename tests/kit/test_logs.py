"""Logs are one JSON object a line and never show a secret."""

import json

import pytest
import structlog

from autorisen.kit.logs import configure_logs


def test_a_line_is_json_with_its_context_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", log_format="json", process="test")
    try:
        log = structlog.get_logger()
        log.debug("too quiet")
        log.info("signed.in", user_id="u", password="hunter2", Session_Token="abc", note="line\nbreak")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["event"] == "signed.in"
    assert entry["process"] == "test"
    assert entry["password"] == entry["Session_Token"] == "***"
    assert entry["note"] == "line\nbreak"
    assert entry["timestamp"].endswith("Z")


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="debug", log_format="text", process="test")
    try:
        structlog.get_logger().debug("hello", card_number="4242")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    printed = capsys.readouterr().err
    assert "hello" in printed
    assert "4242" not in printed
