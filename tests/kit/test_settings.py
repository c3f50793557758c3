"""Settings: typed, checked at the start, and clear about what is wrong."""

from pathlib import Path

import pytest

from autorisen.kit.settings import InvalidSetting, Settings, load_settings


def test_defaults_run_without_any_variable() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert settings.is_sandbox
    assert settings.is_embedded
    assert settings.base_url == "http://127.0.0.1:8000"


def test_variables_are_typed() -> None:
    settings = load_settings(
        {"PORT": "9000", "AUTORISEN_HOME": "/srv/x", "ALLOW_MIGRATIONS": "1", "LOG_LEVEL": "debug",
         "DATABASE_URL": "postgresql://db/x", "PUBLIC_URL": "https://shop.example/", "HOST": ""}
    )  # fmt: skip
    assert settings.port == 9000
    assert settings.home == Path("/srv/x")
    assert settings.allow_migrations
    assert not settings.is_embedded
    assert settings.base_url == "https://shop.example"
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    "variable, value, says",
    [
        ("PORT", "http", "whole number"),
        ("PORT", "70000", "1 to 65535"),
        ("ALLOW_MIGRATIONS", "perhaps", "use 1 or 0"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("AUTORISEN_ENV", "staging", "sandbox, production"),
        ("AUTORISEN_ENV", "production", "SECRET_KEY"),
        ("SUPPLIER_VAT_FROM", "1 April", "YYYY-MM-DD"),
    ],
)
def test_a_wrong_value_names_the_variable_and_the_rule(variable: str, value: str, says: str) -> None:
    with pytest.raises(InvalidSetting, match=says):
        load_settings({variable: value})


def test_production_needs_mail_and_a_word_about_vat() -> None:
    production = {"AUTORISEN_ENV": "production", "SECRET_KEY": "x" * 32}
    with pytest.raises(InvalidSetting, match="SUPPLIER_VAT_NUMBER"):
        load_settings(production)
    production["SUPPLIER_VAT_NUMBER"] = "none"
    with pytest.raises(InvalidSetting, match="SMTP_URL"):
        load_settings(production)
    settings = load_settings(production | {"SMTP_URL": "smtp://mail"})
    assert not settings.is_sandbox
    assert settings.supplier_vat_number == ""
