"""`python -m bench.web`: the web process as it is, with one address more, which checks the key and does nothing else.

It stands beside `POST /api/events` in the same process: the same server, middleware, key check and body, and an answer
of the same form. So what a single event costs beyond it is what metering costs.
"""

from __future__ import annotations

import sys

from fastapi import Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from autorisen import accounts, app
from autorisen.kit.http import runtime_of
from autorisen.kit.settings import load_settings
from autorisen.serve import serve_web

# Under /api/events, so that the middleware treats it like that.
NOTHING = "/api/events/nothing"
ANSWER = b'{"accepted":1,"duplicates":0,"conflicts":0,"rejected":0,"results":[]}'

_may_send = accounts.api_key("events:write")


async def do_nothing(request: Request) -> Response:
    """Checks the key, reads the body, answers."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    await _may_send(request, runtime_of(request), HTTPAuthorizationCredentials(scheme=scheme, credentials=secret))
    await request.body()
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    metering = app.API_ROUTERS[0]
    metering.add_route(NOTHING, do_nothing, methods=["POST"], include_in_schema=False)
    # Second, after the address that takes events: routes are tried in order.
    metering.routes.insert(1, metering.routes.pop())
    sys.exit(serve_web(load_settings()))
