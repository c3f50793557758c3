"""Every setting, read once from the environment. `docs/settings.md` is generated from this class and held to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

# Stands for no real vendor. The sandbox charges VAT, so that its invoices show what a real one will.
SANDBOX_VAT_NUMBER = "4000000000"


class InvalidSetting(ValueError):
    """A setting that can't be used; says which, why, and what is allowed."""


def setting(variable: str, default: object, description: str, *, choices: tuple[str, ...] = ()) -> Any:
    """A field read from the environment variable `variable`; the type of the default decides how it is parsed."""
    return field(default=default, metadata={"variable": variable, "description": description, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """The configuration of one process. Frozen: nothing changes it after the start."""

    environment: str = setting(
        "AUTORISEN_ENV", "sandbox", "sandbox (test money, test clock) or production", choices=("sandbox", "production")
    )
    host: str = setting("HOST", "127.0.0.1", "address that the web process listens on")
    port: int = setting("PORT", 8000, "port that the web process listens on")
    home: Path = setting("AUTORISEN_HOME", Path(".autorisen"), "folder of the embedded database, the logs and the demo")
    database_url: str = setting(
        "DATABASE_URL", "", "PostgreSQL 15 or newer; empty starts the embedded one under AUTORISEN_HOME"
    )
    database_pool_max: int = setting("DATABASE_POOL_MAX", 10, "most connections that one process opens")
    public_url: str = setting("PUBLIC_URL", "", "address that people and gateways use; empty means http://HOST:PORT")
    secret_key: str = setting(
        "SECRET_KEY", "", "at least 32 characters; empty makes one under AUTORISEN_HOME, in sandbox mode only"
    )
    allow_migrations: bool = setting(
        "ALLOW_MIGRATIONS", False, "1 lets `autorisen db migrate` change a database that is neither embedded nor a test"
    )
    worker_poll_milliseconds: int = setting(
        "WORKER_POLL_MILLISECONDS", 200, "pause of an idle worker between two looks at the queue"
    )
    usage_grace_minutes: int = setting(
        "USAGE_GRACE_MINUTES", 60, "how long after its end a period waits for late events before it is billed"
    )
    dunning_days: str = setting(
        "DUNNING_DAYS", "0,3,5,7", "days on which an unpaid invoice is charged again, or its customer reminded"
    )
    dunning_grace_days: int = setting(
        "DUNNING_GRACE_DAYS", 7, "how many days after the last of them nothing may be used until it is paid"
    )
    dunning_suspended_days: int = setting(
        "DUNNING_SUSPENDED_DAYS", 14, "how many days later the subscription is cancelled"
    )
    supplier_name: str = setting("SUPPLIER_NAME", "autorisen sandbox", "name of the seller, on invoices")
    supplier_address: str = setting("SUPPLIER_ADDRESS", "", "address of the seller, on invoices; lines split by |")
    supplier_vat_number: str = setting(
        "SUPPLIER_VAT_NUMBER",
        SANDBOX_VAT_NUMBER,
        "VAT number of the seller, or none: not registered, no VAT is shown or owed; production has no default",
    )
    supplier_vat_from: str = setting(
        "SUPPLIER_VAT_FROM", "", "first day of the seller's VAT registration, YYYY-MM-DD; empty: registered all along"
    )
    mail_from: str = setting("MAIL_FROM", "billing@localhost", "sender of the mails")
    smtp_url: str = setting(
        "SMTP_URL", "", "smtp://user:password@host:port or smtps://; empty keeps mails in the outbox (sandbox only)"
    )
    log_level: str = setting(
        "LOG_LEVEL", "info", "least severity that is logged", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting(
        "LOG_FORMAT", "auto", "json, or text for people; auto is text on a terminal", choices=("auto", "json", "text")
    )
    build_version: str = setting("BUILD_VERSION", "", "version label of the running image, shown by /api/version")
    git_sha: str = setting("GIT_SHA", "", "commit of the running image, shown by /api/version")

    @property
    def is_sandbox(self) -> bool:
        return self.environment == "sandbox"

    @property
    def is_embedded(self) -> bool:
        return not self.database_url

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise InvalidSetting(f"PORT is {self.port}; use a number from 1 to 65535")
        if self.supplier_vat_from:
            _require_day("SUPPLIER_VAT_FROM", self.supplier_vat_from)
        if self.environment == "production":
            if len(self.secret_key) < 32:
                raise InvalidSetting("SECRET_KEY needs at least 32 characters in production")
            if self.supplier_vat_number == SANDBOX_VAT_NUMBER:
                raise InvalidSetting("SUPPLIER_VAT_NUMBER is needed in production: your number, or none")
            if not self.smtp_url:
                raise InvalidSetting("SMTP_URL is needed in production: people must get their mails")


def _require_day(name: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise InvalidSetting(f"{name} is {text!r}; use a day as YYYY-MM-DD") from None


def _parse(name: str, text: str, default: object, choices: tuple[str, ...]) -> object:
    if isinstance(default, bool):
        if text.lower() not in {"", "0", "1", "false", "true", "no", "yes"}:
            raise InvalidSetting(f"{name} is {text!r}; use 1 or 0")
        return text.lower() in {"1", "true", "yes"}
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise InvalidSetting(f"{name} is {text!r}; use a whole number") from None
    if isinstance(default, Path):
        return Path(text)
    if choices and text not in choices:
        raise InvalidSetting(f"{name} is {text!r}; use one of {', '.join(choices)}")
    return text


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from environment variables. Raises `InvalidSetting` naming the variable, its value and the rule."""
    values: dict[str, Any] = {}
    for each in fields(Settings):
        variable = each.metadata["variable"]
        text = environment.get(variable)
        if text is None or (text == "" and each.default is not MISSING):
            continue
        values[each.name] = _parse(variable, text, each.default, each.metadata["choices"])
    if values.get("supplier_vat_number") == "none":
        values["supplier_vat_number"] = ""
    return Settings(**values)
