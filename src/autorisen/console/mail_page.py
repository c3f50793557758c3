"""The outbox: every mail that was written, and, without SMTP, the only place where it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.mail import StoredMail, mail, mails
from autorisen.kit.problems import NotFound
from autorisen.ui import render

router = APIRouter(prefix="/mail")

_SHOWN = 100


@dataclass(frozen=True)
class MailsPage:
    """Context of console/mails.html. `is_sending` says whether an SMTP server is set."""

    mails: Sequence[StoredMail]
    recipient: str
    is_sending: bool


@dataclass(frozen=True)
class MailPage:
    """Context of console/mail.html."""

    mail: StoredMail
    is_sending: bool


@router.get("")
async def mails_page(request: Request, runtime: RuntimeDep, _operator: Operator, recipient: str = "") -> Response:
    async with runtime.database.read() as tx:
        found = await mails(tx, recipient=recipient.strip().replace("\x00", ""), limit=_SHOWN)
    page = MailsPage(found, recipient, bool(runtime.settings.smtp_url))
    return render(request, "console/mails.html", page)


@router.get("/{mail_id}")
async def mail_page(request: Request, runtime: RuntimeDep, _operator: Operator, mail_id: str) -> Response:
    async with runtime.database.read() as tx:
        found = await mail(tx, parse_public_id("mail", mail_id))
    if found is None:
        raise NotFound(f"there is no {mail_id}")
    return render(request, "console/mail.html", MailPage(found, bool(runtime.settings.smtp_url)))
