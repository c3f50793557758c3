"""Mail: written to the outbox in the transaction of its cause, sent by a job.

Without `SMTP_URL` (sandbox only) mails stay in the outbox, where the console shows them.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from psycopg.types.json import Jsonb

from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.settings import InvalidSetting
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Lease, enqueue

SEND_MAIL = "kit.send_mail"
_TIMEOUT_SECONDS = 20

INSERT_MAIL = """
INSERT INTO kit.mails (id, recipient, subject, text_body, html_body, attachments, created_at)
VALUES (%(id)s, %(recipient)s, %(subject)s, %(text_body)s, %(html_body)s, %(attachments)s, %(created_at)s)
"""
MAIL = """
SELECT id, recipient, subject, text_body, html_body, attachments, created_at, sent_at FROM kit.mails WHERE id = %(id)s
"""
LIST_MAILS = """
SELECT id, recipient, subject, text_body, html_body, attachments, created_at, sent_at FROM kit.mails
WHERE %(recipient)s::text = '' OR recipient = %(recipient)s::text
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
MARK_SENT = "UPDATE kit.mails SET sent_at = %(at)s WHERE id = %(id)s AND sent_at IS NULL"


class UnsendableMail(ValueError):
    """A recipient or subject with a line break in it: it could smuggle headers into the mail."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Message:
    """A mail to one recipient. Text is what counts; HTML is an addition."""

    recipient: str
    subject: str
    text: str
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        if any(ord(letter) < ord(" ") for letter in self.recipient + self.subject):
            raise UnsendableMail("a recipient and a subject are one line each")


@dataclass(frozen=True)
class StoredMail:
    """A mail of the outbox; `sent_at` is empty while it waits, and stays empty without SMTP."""

    id: UUID
    message: Message
    created_at: datetime
    sent_at: datetime | None

    @property
    def public_id(self) -> str:
        return public_id("mail", self.id)


async def send(unit: Unit, message: Message) -> UUID:
    """Put the mail into the outbox: it goes out if, and only if, the unit commits. Gives its id."""
    id = unit.ids.new()
    files = [
        {"filename": each.filename, "content_type": each.content_type, "content": b64encode(each.content).decode()}
        for each in message.attachments
    ]
    values = {
        "id": id,
        "recipient": message.recipient,
        "subject": message.subject,
        "text_body": message.text,
        "html_body": message.html,
        "attachments": Jsonb(files),
        "created_at": unit.now,
    }
    await unit.tx.execute(INSERT_MAIL, values)
    if unit.settings.smtp_url:
        await enqueue(unit, SEND_MAIL, {"mail_id": str(id)})
    return id


async def mails(tx: Tx, *, recipient: str = "", limit: int = 50) -> list[StoredMail]:
    """The newest mails of the outbox, of one recipient or of all."""
    rows = await (await tx.execute(LIST_MAILS, {"recipient": recipient, "limit": limit})).fetchall()
    return [_stored(row) for row in rows]


async def mail(tx: Tx, id: UUID) -> StoredMail | None:
    row = await (await tx.execute(MAIL, {"id": id})).fetchone()
    return _stored(row) if row else None


def _stored(row: tuple[Any, ...]) -> StoredMail:
    id, recipient, subject, text, html, files, created_at, sent_at = row
    attachments = tuple(
        Attachment(each["filename"], each["content_type"], b64decode(each["content"])) for each in files
    )
    return StoredMail(id, Message(recipient, subject, text, html, attachments), created_at, sent_at)


async def _send_by_smtp(lease: Lease, payload: dict[str, Any]) -> None:
    """Hand one mail to the SMTP server. A crash between its yes and our note sends it twice, under one Message-ID."""
    settings, id = lease.runtime.settings, UUID(payload["mail_id"])
    async with lease.runtime.database.read() as tx:
        stored = await mail(tx, id)
    if stored is not None and stored.sent_at is None:
        sender = settings.mail_from
        await asyncio.to_thread(_hand_over, settings.smtp_url, compose(stored, sender, lease.runtime.wall.now()))
    async with lease.finish() as unit:
        await unit.tx.execute(MARK_SENT, {"id": id, "at": unit.wall_now})


def compose(stored: StoredMail, sender: str, at: datetime) -> EmailMessage:
    """The mail as MIME. Its Message-ID comes from its row, so that a repeated sending is recognisable."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = stored.message.recipient
    message["Subject"] = stored.message.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{stored.id}@{sender.rpartition('@')[2] or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(stored.message.text)
    if stored.message.html:
        message.add_alternative(stored.message.html, subtype="html")
    for each in stored.message.attachments:
        main, _, sub = each.content_type.partition("/")
        message.add_attachment(each.content, maintype=main, subtype=sub, filename=each.filename)
    return message


def _hand_over(smtp_url: str, message: EmailMessage) -> None:
    server = urlsplit(smtp_url)
    if server.scheme not in {"smtp", "smtps"} or not server.hostname:
        raise InvalidSetting("SMTP_URL has the form smtp://user:password@host:port or smtps://...")
    with _connect(server.scheme, server.hostname, server.port) as smtp:
        if server.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    smtp: smtplib.SMTP
    if scheme == "smtps":
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(host, port or 465, timeout=_TIMEOUT_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(host, port or 587, timeout=_TIMEOUT_SECONDS)
    smtp.ehlo()
    return smtp


MAIL_JOB = Job(SEND_MAIL, _send_by_smtp, mode="leased")
