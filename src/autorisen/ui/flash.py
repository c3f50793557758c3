"""One message that survives a redirect and is then forgotten: "Plan changed", shown as a toast."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "flash"
TONES = ("success", "info", "warning", "danger")


@dataclass(frozen=True)
class Flash:
    """A message for the next page: its tone decides colour and icon."""

    text: str
    tone: str = "success"


def flash(response: Response, text: str, *, tone: str = "success") -> None:
    """Show `text` on the next page that this browser renders. The text is escaped there; put no secrets into it."""
    if tone not in TONES:
        raise ValueError(f"the tone of a flash is one of {', '.join(TONES)}, not {tone}")
    response.set_cookie(COOKIE, f"{tone}:{quote(text)}", max_age=60, httponly=True, samesite="lax", path="/")


def take_flash(request: Request) -> Flash | None:
    """The waiting message, if the cookie holds one that `flash` could have written."""
    tone, _, text = request.cookies.get(COOKIE, "").partition(":")
    if tone not in TONES or not text:
        return None
    return Flash(text=unquote(text)[:300], tone=tone)
