"""From a template and one frozen dataclass to an HTML response.

Templates lie beside their capability: `billing/invoices.html` is `src/autorisen/billing/templates/invoices.html`.
An undefined name is an error, everything is escaped, and the page may run nothing but our own static files.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from autorisen.ui.assets import icon_bodies, static_url
from autorisen.ui.flash import COOKIE as FLASH_COOKIE
from autorisen.ui.flash import take_flash
from autorisen.ui.formats import FILTERS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PACKAGE = Path(__file__).resolve().parent.parent
THEME_COOKIE = "theme"
THEMES = ("light", "dark")
CSRF_FIELD = "csrf_token"

# No inline script or style anywhere; forms go to ourselves (a redirect to a gateway's page is checked at its start).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Vary": "Cookie, HX-Request",
    "Cache-Control": "no-store",
}


def icon(name: str, size: int = 16, label: str = "", css: str = "") -> Markup:
    """An inline Lucide icon. Without `label` it is decoration and hidden from screen readers. KeyError if unknown."""
    body = Markup(icon_bodies()[name])  # noqa: S704 -- from our own static files, not from input
    described = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    frame = Markup('<svg class="icon{3}" width="{0}" height="{0}" viewBox="0 0 24 24" {1}>{2}</svg>')
    return frame.format(size, described, body, f" {css}" if css else "")


@pass_context
def csrf_field(context: Context) -> Markup:
    """The hidden field that every form of a signed-in page carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, context["csrf_token"])


def template_folders(package: Path = PACKAGE) -> dict[str, Path]:
    """Capability -> its templates folder."""
    return {folder.parent.name: folder for folder in sorted(package.glob("*/templates")) if folder.is_dir()}


@cache
def environment() -> Environment:
    """The one Jinja environment of the process."""
    loader = PrefixLoader({name: FileSystemLoader(folder) for name, folder in template_folders().items()})
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(FILTERS)
    made.globals.update(static_url=static_url, icon=icon, csrf_field=csrf_field)
    return made


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of the page (and not for a whole one, boosted or restored from history)."""
    headers = request.headers
    return (
        headers.get("hx-request") == "true"
        and headers.get("hx-boosted") != "true"
        and headers.get("hx-history-restore-request") != "true"
    )


def shell_variables(request: Request) -> dict[str, Any]:
    """What every page knows besides its own context."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "request": request,
        "path": request.url.path,
        "theme": theme if theme in THEMES else "",
        "viewer": getattr(request.state, "viewer", None),
        "csrf_token": getattr(request.state, "csrf_token", None) or "",
        "flash": take_flash(request),
        "sandbox": request.app.state.runtime.settings.is_sandbox,
    }


def page_variables(context: DataclassInstance | None) -> dict[str, Any]:
    """The fields of a page's context, by name; nested dataclasses stay what they are."""
    if context is None:
        return {}
    return {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}


@cache
def exists(template: str) -> bool:
    folder, _, name = template.partition("/")
    return folder in template_folders() and (template_folders()[folder] / name).is_file()


def partial_of(template: str) -> str:
    """billing/invoices.html -> billing/_invoices.html"""
    folder, _, name = template.rpartition("/")
    return f"{folder}/_{name}"


def render(
    request: Request,
    template: str,
    context: DataclassInstance | None = None,
    *,
    status: int = 200,
    partial: str | None = None,
) -> HTMLResponse:
    """Render `template` with the fields of `context`.

    When htmx asks for a part, `partial` is rendered instead (by default the sibling `_name.html`, when there is one).
    """
    made = environment()
    chosen = template
    if is_partial(request):
        wanted = partial or partial_of(template)
        if partial or exists(wanted):
            chosen = wanted
    variables = shell_variables(request)
    html = made.get_template(chosen).render({**variables, **page_variables(context)})
    response = HTMLResponse(html, status_code=status, headers=PAGE_HEADERS)
    if variables["flash"] is not None:
        response.delete_cookie(FLASH_COOKIE, path="/")
    return response
