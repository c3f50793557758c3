"""How a request with events is let in: the key, the bytes, the queue. Our own and others' endpoints share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.http import runtime_of
from autorisen.kit.problems import UnsupportedMediaType
from autorisen.kit.read_body import read_body
from autorisen.metering.decode import decoded_weight
from autorisen.metering.ingest import Item, Submission
from autorisen.metering.ingest_queue import IngestQueue
from autorisen.metering.model import Receipt

BODY_LIMIT = 5_000_000

_may_send = accounts.api_key("events:write")
_may_read = accounts.api_key("usage:read")


async def sender(request: Request) -> Principal:
    """Whose key sends this. Raises `KeyRefused` without a key that holds, `ScopeMissing` without `events:write`."""
    return await _may_send(request, runtime_of(request), _bearer(request))


async def reader(request: Request) -> Principal:
    """Whose key reads this. Raises `KeyRefused` without a key that holds, `ScopeMissing` without `usage:read`."""
    return await _may_read(request, runtime_of(request), _bearer(request))


def _bearer(request: Request) -> HTTPAuthorizationCredentials | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return HTTPAuthorizationCredentials(scheme=scheme, credentials=secret) if scheme.lower() == "bearer" else None


async def store_body(
    request: Request, principal: Principal, read: Callable[[bytes], Sequence[Item]]
) -> tuple[Sequence[Item], Receipt]:
    """The events that `read` finds in the body, and the receipt after their commit.

    Raises what `read` raises, `Unavailable` while there is no room, and what `read_body` says of bad bodies.
    """
    queue = ingest_queue(request)
    queue.check_room()
    with queue.memory.held() as held:
        body = await read_body(request, limit=BODY_LIMIT, take=held.take)
        held.take(decoded_weight(body))
        items = read(body)
        del body  # the events are what waits for the database
        return items, await queue.submit(Submission(principal.customer_id, items))


def ingest_queue(request: Request) -> IngestQueue:
    """The queue of this process, made when first asked for."""
    state = request.app.state
    if not hasattr(state, "ingest_queue"):
        state.ingest_queue = IngestQueue(runtime_of(request))
    queue: IngestQueue = state.ingest_queue
    return queue


def media_type(request: Request) -> str:
    """The type of the body in lower case, without parameters. Raises `UnsupportedMediaType` for another charset."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if parameters.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
        raise UnsupportedMediaType("send the body in UTF-8")
    return kind.strip().lower()
