"""The outbox: mails exist if their cause commits, and leave once, by SMTP, to a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from autorisen.kit.mail import MAIL_JOB, Attachment, Message, StoredMail, UnsendableMail, compose, mail, mails, send
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Registry, Worker

MESSAGE = Message(
    "ann@acme.example", "Your invoice", "Dear Ann", attachments=(Attachment("i.pdf", "application/pdf", b"%PDF"),)
)


@dataclass
class SmtpServer:
    """A small SMTP server (RFC 5321) that keeps what it is given, or refuses with 451."""

    port: int
    refuses: bool = False
    received: list[EmailMessage] = field(default_factory=list)

    def talk(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        connection.sendall(b"220 test\r\n")
        while line := reader.readline():
            word = line.split()[0].upper()
            if word == b"DATA" and not self.refuses:
                connection.sendall(b"354 go on\r\n")
                self._take(reader.readline)
                connection.sendall(b"250 ok\r\n")
            elif word == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"451 later\r\n" if self.refuses and word == b"DATA" else b"250 ok\r\n")

    def _take(self, readline: object) -> None:
        assert callable(readline)
        lines: list[bytes] = []
        while (line := readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        parsed = message_from_bytes(b"".join(lines), policy=default)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = SmtpServer(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                server.talk(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def with_smtp(runtime: Runtime, port: int) -> Runtime:
    return replace(runtime, settings=replace(runtime.settings, smtp_url=f"smtp://127.0.0.1:{port}"))


async def test_without_smtp_a_mail_stays_where_it_can_be_read(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        id = await send(unit, MESSAGE)
        await send(unit, replace(MESSAGE, recipient="bob@other.example"))
    async with runtime.database.read() as tx:
        stored = await mail(tx, id)
        assert stored is not None
        assert (stored.message, stored.sent_at) == (MESSAGE, None)
        assert stored.public_id.startswith("mail_")
        assert [each.id for each in await mails(tx, recipient="ann@acme.example")] == [id]
        assert len(await mails(tx)) == 2


async def test_a_mail_whose_cause_does_not_commit_was_never_written(runtime: Runtime) -> None:
    async def fail_after_sending() -> None:
        async with runtime.unit() as unit:
            await send(unit, MESSAGE)
            raise RuntimeError("the cause fails")

    with pytest.raises(RuntimeError, match="the cause fails"):
        await fail_after_sending()
    async with runtime.database.read() as tx:
        assert await mails(tx) == []


async def test_a_mail_leaves_once_and_is_marked(runtime: Runtime, smtp: SmtpServer) -> None:
    sending = with_smtp(runtime, smtp.port)
    worker = Worker(sending, Registry((MAIL_JOB,), {}, ()))
    async with sending.unit() as unit:
        id = await send(unit, replace(MESSAGE, html="<p>Dear Ann</p>"))
    await worker.drain()
    await worker.drain()
    assert len(smtp.received) == 1
    arrived = smtp.received[0]
    assert (arrived["To"], arrived["Subject"]) == ("ann@acme.example", "Your invoice")
    assert arrived["Message-ID"] == f"<{id}@localhost>"
    assert [part.get_filename() for part in arrived.iter_attachments()] == ["i.pdf"]
    assert [part.get_payload(decode=True) for part in arrived.iter_attachments()] == [b"%PDF"]
    async with runtime.database.read() as tx:
        stored = await mail(tx, id)
    assert stored is not None
    assert stored.sent_at == runtime.wall.now()


async def test_a_server_that_says_later_gets_it_later(runtime: Runtime, smtp: SmtpServer) -> None:
    smtp.refuses = True
    sending = with_smtp(runtime, smtp.port)
    worker = Worker(sending, Registry((MAIL_JOB,), {}, ()))
    async with sending.unit() as unit:
        id = await send(unit, MESSAGE)
    await worker.drain()
    assert smtp.received == []
    async with runtime.database.read() as tx:
        stored = await mail(tx, id)
    assert stored is not None
    assert stored.sent_at is None
    due_at = await worker.next_due()
    assert due_at is not None
    assert due_at > runtime.clock.now()


@pytest.mark.parametrize("break_", ["\n", "\r", "\x00"])
def test_a_line_break_can_not_smuggle_a_header(break_: str) -> None:
    smuggled = f"a@b.example{break_}Bcc: everybody@example.com"
    with pytest.raises(UnsendableMail):
        Message(smuggled, "Your invoice", "Dear Ann")
    with pytest.raises(UnsendableMail):
        Message("a@b.example", smuggled, "Dear Ann")


def test_the_same_row_makes_the_same_message_id(runtime: Runtime) -> None:
    stored = StoredMail(runtime.ids.new(), MESSAGE, runtime.clock.now(), None)
    first, second = (compose(stored, "billing@acme.example", runtime.wall.now()) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == f"<{stored.id}@acme.example>"
    assert first["Auto-Submitted"] == "auto-generated"
