"""An `Answer` on its way out, and how a peer's api takes events in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import Request, Response

from autorisen.metering.compat.model import Answer
from autorisen.metering.ingest import Item
from autorisen.metering.intake import sender, store_body
from autorisen.metering.model import Receipt


def send_answer(answer: Answer) -> Response:
    """The answer as a response."""
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=answer.media_type if answer.document is not None else None,
        headers=dict(answer.headers),
    )


async def take_in(request: Request, read: Callable[[bytes], Sequence[Item]]) -> tuple[Sequence[Item], Receipt]:
    """The events that `read` finds in the body, and the receipt after the commit: as `POST /api/events` does it.

    Raises the problems of our own endpoint; the app says them in the peer's words.
    """
    return await store_body(request, await sender(request), read)
